package io.tableflip.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line and environment of the child. By default exactly those of this process.
 *
 * <p>Bytes that are not UTF-8 appear in the strings as single surrogates, and become the same bytes again. Immutable
 * and thread-safe.
 */
public final class ChildCommand {
    private final List<String> command;
    private final Map<String, String> environment;

    ChildCommand(List<String> command, Map<String, String> environment) {
        this.command = List.copyOf(command);
        this.environment = Collections.unmodifiableMap(new LinkedHashMap<>(environment));
    }

    /** The program and its arguments: {@code java}, {@code -Xmx1g}, {@code -jar}, {@code app.jar}. */
    public List<String> command() {
        return command;
    }

    /** The environment, without the variables that this library adds. */
    public Map<String, String> environment() {
        return environment;
    }

    /**
     * Another program and its arguments. A program without a slash is looked up in {@code PATH}. A start script must end
     * in {@code exec}, so that the new process is the one that was spawned.
     *
     * @throws IllegalArgumentException if the command is empty or has a NUL character in it
     */
    public ChildCommand withCommand(List<String> command) {
        if (command.isEmpty() || command.get(0).isEmpty()) {
            throw new IllegalArgumentException("the command of the child is empty");
        }
        command.forEach(part -> requireNoNul("argument", part));
        return new ChildCommand(command, environment);
    }

    /** As {@link #withCommand(List)}. */
    public ChildCommand withCommand(String... command) {
        return withCommand(List.of(command));
    }

    /** Other arguments for the same program: JDK flags, main class, arguments of the program. */
    public ChildCommand withArguments(List<String> arguments) {
        List<String> all = new ArrayList<>();
        all.add(command.get(0));
        all.addAll(arguments);
        return withCommand(all);
    }

    /**
     * Another environment.
     *
     * @throws IllegalArgumentException if a name is empty or has {@code =} or NUL in it, or a value has NUL in it
     */
    public ChildCommand withEnvironment(Map<String, String> environment) {
        environment.forEach((name, value) -> {
            if (name.isEmpty() || name.indexOf('=') >= 0) {
                throw new IllegalArgumentException("not a name of an environment variable: \"" + name + "\"");
            }
            requireNoNul("environment variable", name + value);
        });
        return new ChildCommand(command, environment);
    }

    /** The same environment with one variable added or replaced. */
    public ChildCommand withVariable(String name, String value) {
        Map<String, String> all = new LinkedHashMap<>(environment);
        all.put(name, value);
        return withEnvironment(all);
    }

    private static void requireNoNul(String what, String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(what + " of the child with a NUL character: " + text.replace('\0', '?'));
        }
    }

    @Override
    public String toString() {
        return String.join(" ", command);
    }
}
