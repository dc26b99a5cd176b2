package io.tableflip.core.text;

import java.util.Base64;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The environment in which a start script was started first. The script keeps it in a variable, as base64 of
 * what {@code env -0} prints, so that it can be started again in the same one.
 */
public final class StartEnvironment {
    public static final String VARIABLE = "TABLEFLIP_START_ENVIRONMENT";

    /** Set by bash for each command that it runs. */
    private static final String LAST_COMMAND = "_";

    private StartEnvironment() {}

    /**
     * The environment that a variable holds, with that variable in it.
     *
     * @return empty if the variable is missing or empty
     * @throws IllegalStateException if it holds anything else
     */
    public static Optional<Map<String, String>> find(Map<String, String> environment) {
        String value = environment.getOrDefault(VARIABLE, "");
        if (value.isEmpty()) {
            return Optional.empty();
        }
        Map<String, String> variables = RawString.decodeVariables(decode(value));
        variables.remove(LAST_COMMAND);
        variables.put(VARIABLE, value);
        return Optional.of(variables);
    }

    /** Whether a variable has the value that it had at the first start. */
    public static boolean keeps(Map<String, String> environment, String name) {
        try {
            return find(environment)
                    .map(first -> Objects.equals(first.get(name), environment.get(name)))
                    .orElse(false);
        } catch (IllegalStateException e) {
            return false;
        }
    }

    private static byte[] decode(String value) {
        try {
            return Base64.getDecoder().decode(value.replaceAll("\\s", ""));
        } catch (IllegalArgumentException e) {
            throw new IllegalStateException(
                    "the variable " + VARIABLE + " is not the output of env -0 in base64: " + e.getMessage(), e);
        }
    }
}
