package io.tableflip.core.observe;

import io.tableflip.core.State;
import io.tableflip.core.observe.UpgradeRecord.Result;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the {@link StatusFile} says: the process that is the service, and the upgrades requested of it.
 * As text, a line for each part: {@code key=value}, and a line {@code upgrade=number result began
 * milliseconds pid message} for each upgrade. Keys that are not known are skipped, so that versions
 * understand each other.
 *
 * @param started when the process was started, in the ticks of {@link ProcFs#startTime}; 0 if that is not
 *     known
 * @param parent the process that it was spawned by; 0 if there was none
 * @param parentExited whether that has gone, or never was
 * @param state the {@link State}, for people
 * @param signals those that begin an upgrade
 * @param requests how many upgrades were requested of it, the refused ones included
 * @param upgrades the last of them
 * @param drain {@code null} if it does not drain
 */
public record ServiceStatus(
        long pid,
        long started,
        int generation,
        Instant since,
        long parent,
        boolean parentExited,
        String state,
        List<String> signals,
        long requests,
        List<UpgradeRecord> upgrades,
        @Nullable Drain drain) {
    /**
     * A drain that is in progress.
     *
     * @param connections that have not ended
     * @param ends when those that are left then are cut
     */
    public record Drain(int connections, Instant ends) {}

    /** The same with a drain, or without. */
    public ServiceStatus with(@Nullable Drain other) {
        return new ServiceStatus(
                pid, started, generation, since, parent, parentExited, state, signals, requests, upgrades, other);
    }

    public String format() {
        StringBuilder text = new StringBuilder();
        line(text, "pid", Long.toString(pid));
        line(text, "started", Long.toString(started));
        line(text, "generation", Integer.toString(generation));
        line(text, "since", since.toString());
        line(text, "parent", Long.toString(parent));
        line(text, "parentExited", Boolean.toString(parentExited));
        line(text, "state", state);
        line(text, "signals", String.join(" ", signals));
        line(text, "requests", Long.toString(requests));
        if (drain != null) {
            line(text, "draining", drain.connections + " " + drain.ends);
        }
        for (UpgradeRecord upgrade : upgrades) {
            line(
                    text,
                    "upgrade",
                    upgrade.number() + " " + upgrade.result() + " " + upgrade.began() + " "
                            + upgrade.took().toMillis() + " " + upgrade.pid() + " " + Printable.of(upgrade.message()));
        }
        return text.toString();
    }

    private static void line(StringBuilder text, String key, String value) {
        text.append(key).append('=').append(value).append('\n');
    }

    /** @throws IllegalArgumentException if the text makes no sense; names the key */
    static ServiceStatus parse(String text) {
        Map<String, String> values = new HashMap<>();
        List<UpgradeRecord> upgrades = new ArrayList<>();
        for (String line : text.split("\n", -1)) {
            int equals = line.indexOf('=');
            if (equals > 0 && line.startsWith("upgrade=")) {
                upgrades.add(upgrade(line.substring(equals + 1)));
            } else if (equals > 0) {
                values.put(line.substring(0, equals), line.substring(equals + 1));
            }
        }
        return new ServiceStatus(
                number(values, "pid"),
                number(values, "started"),
                (int) number(values, "generation"),
                instant(value(values, "since")),
                number(values, "parent"),
                Boolean.parseBoolean(value(values, "parentExited")),
                Printable.of(value(values, "state")),
                signals(value(values, "signals")),
                number(values, "requests"),
                List.copyOf(upgrades),
                drain(values.get("draining")));
    }

    private static @Nullable Drain drain(@Nullable String value) {
        if (value == null) {
            return null;
        }
        String[] parts = value.split(" ", 2);
        return new Drain((int) number("draining", parts[0]), instant(parts[parts.length - 1]));
    }

    private static List<String> signals(String value) {
        List<String> names = value.isEmpty() ? List.of() : List.of(value.split(" ", -1));
        if (!names.stream().allMatch(name -> name.matches("[A-Z][A-Z0-9]*"))) {
            throw new IllegalArgumentException("signals=" + Printable.of(value));
        }
        return names;
    }

    private static UpgradeRecord upgrade(String value) {
        String[] parts = value.split(" ", 6);
        if (parts.length < 6) {
            throw new IllegalArgumentException("upgrade=" + Printable.of(value));
        }
        return new UpgradeRecord(
                number("upgrade", parts[0]),
                instant(parts[2]),
                Duration.ofMillis(number("upgrade", parts[3])),
                Result.valueOf(parts[1]),
                number("upgrade", parts[4]),
                Printable.of(parts[5]));
    }

    private static String value(Map<String, String> values, String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException("has no " + key);
        }
        return value;
    }

    private static long number(Map<String, String> values, String key) {
        return number(key, value(values, key));
    }

    private static long number(String key, String value) {
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + "=" + Printable.of(value), e);
        }
    }

    private static Instant instant(String value) {
        try {
            return Instant.parse(value);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(Printable.of(value) + " is no time", e);
        }
    }
}
