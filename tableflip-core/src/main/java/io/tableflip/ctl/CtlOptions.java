package io.tableflip.ctl;

import io.tableflip.core.text.Printable;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of {@link Ctl}.
 *
 * @param pidFile {@code null} only for the help
 * @param patience how long to wait at most
 * @param signal empty to use the service's own
 * @param json the status as JSON
 */
record CtlOptions(Command command, @Nullable Path pidFile, Duration patience, Optional<String> signal, boolean json) {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Pattern TIME = Pattern.compile("(\\d{1,9})(ms|s|m|h|)");

    enum Command {
        UPGRADE,
        STATUS,
        HELP
    }

    /** @throws IllegalArgumentException says what is wrong */
    static CtlOptions parse(List<String> args) {
        List<String> rest = !args.isEmpty() && args.get(0).equals("ctl") ? args.subList(1, args.size()) : args;
        if (rest.isEmpty()) {
            throw new IllegalArgumentException("which command?");
        }
        Command command = command(rest.get(0));
        Path pidFile = null;
        Duration patience = PATIENCE;
        Optional<String> signal = Optional.empty();
        boolean json = false;
        for (int i = 1; i < rest.size(); i += 2) {
            String option = rest.get(i);
            if (option.equals("--json") && command == Command.STATUS) {
                json = true;
                i--; // has no value
                continue;
            }
            if (i + 1 == rest.size()) {
                throw new IllegalArgumentException(option + " needs a value");
            }
            String value = rest.get(i + 1);
            if (option.equals("--pid-file")) {
                pidFile = path(value);
            } else if (option.equals("--wait") && command == Command.UPGRADE) {
                patience = time(value);
            } else if (option.equals("--signal") && command == Command.UPGRADE) {
                signal = Optional.of(signal(value));
            } else {
                throw new IllegalArgumentException("unknown option " + Printable.of(option));
            }
        }
        if (pidFile == null && command != Command.HELP) {
            throw new IllegalArgumentException("--pid-file is missing");
        }
        return new CtlOptions(command, pidFile, patience, signal, json);
    }

    private static Command command(String word) {
        return switch (word) {
            case "upgrade" -> Command.UPGRADE;
            case "status" -> Command.STATUS;
            case "help", "--help", "-h" -> Command.HELP;
            default -> throw new IllegalArgumentException("unknown command " + Printable.of(word));
        };
    }

    private static Path path(String value) {
        try {
            if (!value.isEmpty()) {
                return Path.of(value).toAbsolutePath();
            }
        } catch (InvalidPathException e) {
            // said below
        }
        throw new IllegalArgumentException("--pid-file " + Printable.of(value) + " is no path");
    }

    private static Duration time(String value) {
        Matcher matcher = TIME.matcher(value);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "--wait " + Printable.of(value) + " is no time; write 90s, 500ms, 2m, 1h, or seconds");
        }
        long amount = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(amount);
            case "m" -> Duration.of(amount, ChronoUnit.MINUTES);
            case "h" -> Duration.of(amount, ChronoUnit.HOURS);
            default -> Duration.ofSeconds(amount);
        };
    }

    private static String signal(String value) {
        String name = value.toUpperCase(Locale.ROOT);
        name = name.startsWith("SIG") ? name.substring(3) : name;
        if (!name.matches("[A-Z][A-Z0-9]*")) {
            throw new IllegalArgumentException("--signal " + Printable.of(value) + " is no name of a signal");
        }
        return name;
    }
}
