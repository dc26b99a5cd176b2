package io.tableflip.examples;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Tells who answered from the body of the response, and refuses bodies that the example cannot have meant. Not thread-safe. */
final class BodyCheck {
    private static final Pattern LINE =
            Pattern.compile("\\{\"pid\":(\\d{1,18}),\"generation\":(\\d{1,9}),\"greeting\":\".*\"}");

    private final boolean anyBody;
    private final Map<String, ServerId> serverOf = new HashMap<>();

    BodyCheck(boolean anyBody) {
        this.anyBody = anyBody;
    }

    /** Who answered, as one object for each process; the body has to be the same line as ever from this process, as often as was asked for. */
    ServerId check(LoadRequest.Kind kind, String body) throws BadResponseException {
        if (anyBody) {
            return ServerId.UNKNOWN;
        }
        List<String> lines = body.lines().toList();
        if (lines.size() != kind.lines() || !body.endsWith("\n")) {
            throw new BadResponseException("a body of " + lines.size() + " lines, not " + kind.lines());
        }
        String line = lines.get(0);
        ServerId known = serverOf.get(line);
        ServerId server = known == null ? newcomer(line) : known;
        if (!lines.stream().allMatch(line::equals)) {
            throw new BadResponseException(server + " answers in more ways than one");
        }
        return server;
    }

    private ServerId newcomer(String line) throws BadResponseException {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches()) {
            throw new BadResponseException("a body without pid, generation and greeting");
        }
        ServerId server = new ServerId(Long.parseLong(matcher.group(1)), Integer.parseInt(matcher.group(2)));
        if (serverOf.containsValue(server)) {
            throw new BadResponseException(server + " has answered otherwise before");
        }
        serverOf.put(line, server);
        return server;
    }
}
