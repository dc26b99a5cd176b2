package io.tableflip.core;

import io.tableflip.core.text.JvmOptions;
import io.tableflip.core.text.JvmVariables;
import io.tableflip.core.text.StartEnvironment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line and environment of the child. By default exactly those of this process.
 *
 * <p>Bytes that are not UTF-8 appear in the strings as single surrogates, and become the same bytes again.
 * Immutable and thread-safe.
 */
public final class ChildCommand {
    private final List<String> command;
    private final Map<String, String> environment;

    public ChildCommand(List<String> command, Map<String, String> environment) {
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
     * Another program and its arguments. A program without a slash is looked up in {@code PATH}. A start
     * script must end in {@code exec}, so that the new process is the one that was spawned; see also
     * {@link #withStartScript(List)}.
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

    /**
     * A start script and its arguments, in the environment in which the script was started first. As
     * {@link #withCommand(List)} otherwise. Changes of the environment have to follow this call.
     *
     * <p>The script keeps that environment in a variable. Without this line at its top, it gets the
     * environment of this process, with all that it has set itself:
     *
     * <pre>{@code
     * export TABLEFLIP_START_ENVIRONMENT="${TABLEFLIP_START_ENVIRONMENT-$(env -0 | base64 | tr -d '\n')}"
     * }</pre>
     *
     * <p>It also starts in the same working directory ({@code PWD}), if that is still there.
     *
     * @throws IllegalArgumentException as {@link #withCommand(List)}
     * @throws IllegalStateException if that variable holds anything else
     */
    public ChildCommand withStartScript(List<String> command) {
        Map<String, String> first = StartEnvironment.find(environment).orElse(environment);
        return new ChildCommand(withCommand(command).command, first);
    }

    /** As {@link #withStartScript(List)}. */
    public ChildCommand withStartScript(String... command) {
        return withStartScript(List.of(command));
    }

    /** Other arguments for the same program: JDK flags, main class, arguments of the program. */
    public ChildCommand withArguments(List<String> arguments) {
        List<String> all = new ArrayList<>();
        all.add(command.get(0));
        all.addAll(arguments);
        return withCommand(all);
    }

    /**
     * Options of the JVM right behind the program. Of the same option what stands there before is taken out
     * ({@code -Xmx1g} for {@code -Xmx512m} or {@code -XX:MaxHeapSize=512m}, {@code -Da=2} for {@code -Da=1}),
     * so that nothing piles up from one generation to the next: the command line of each child is what the
     * next one begins with.
     *
     * <p>With options that do not bind for life a child begins with a small heap, and takes the full one when
     * its parent has exited:
     *
     * <pre>{@code
     * builder.childCommand(own -> own.withJvmOptions("-Xms64m", "-XX:SoftMaxHeapSize=512m"));
     * upgrader.parentExited().thenRun(() -> ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
     *         .setVMOption("SoftMaxHeapSize", Long.toString(Runtime.getRuntime().maxMemory())));
     * }</pre>
     *
     * <p>An option of the same name in an argument file ({@code @file}) or in {@code _JAVA_OPTIONS} still
     * wins, as the JVM has it.
     *
     * @throws IllegalArgumentException if one is no option, or one that has its value in the next argument,
     *     such as {@code -cp}
     * @throws IllegalStateException if the program is not {@code java} but a start script, for example: that
     *     can be told by a variable, such as {@code JDK_JAVA_OPTIONS}
     */
    public ChildCommand withJvmOptions(String... options) {
        if (!JvmOptions.isJava(command)) {
            throw new IllegalStateException("options of the JVM for a program that is not java: " + command.get(0));
        }
        Map<String, String> added = new LinkedHashMap<>();
        for (String option : options) {
            requireStandsAlone(option);
            added.put(JvmOptions.name(option), option);
        }
        return withCommand(JvmOptions.replace(command, added));
    }

    /**
     * The same command without these options of the JVM: neither on the command line nor in the variables
     * {@code JAVA_TOOL_OPTIONS}, {@code JDK_JAVA_OPTIONS} and {@code _JAVA_OPTIONS}. This is for what only
     * one of two processes can have, such as a debugger's port:
     *
     * <pre>{@code
     * builder.childCommand(own -> own.withoutJvmOptions("-agentlib:jdwp"));
     * }</pre>
     *
     * <p>A name means all options that begin with it, up to {@code =} or {@code :}. For a program that is not
     * {@code java}, only the variables are changed. What stands in an argument file ({@code @file}) stays,
     * and so does what a start script adds.
     *
     * @param names {@code -agentlib:jdwp}, {@code -javaagent:/opt/agent.jar}, {@code -Dname}, {@code -Xmx},
     *     {@code -XX:MaxHeapSize}
     * @throws IllegalArgumentException if one is no option, or one that has its value in the next argument,
     *     such as {@code -cp}
     */
    public ChildCommand withoutJvmOptions(String... names) {
        List<String> unwanted = List.of(names);
        unwanted.forEach(ChildCommand::requireStandsAlone);
        Map<String, String> variables = new LinkedHashMap<>(environment);
        for (String variable : JvmVariables.NAMES) {
            variables.computeIfPresent(variable, (name, value) -> {
                String left = JvmVariables.remove(value, unwanted);
                return left.isEmpty() ? null : left;
            });
        }
        return new ChildCommand(JvmOptions.isJava(command) ? JvmOptions.remove(command, unwanted) : command, variables);
    }

    private static void requireStandsAlone(String option) {
        if (!JvmOptions.standsAlone(option)) {
            throw new IllegalArgumentException("not an option of the JVM that stands alone: \"" + option + "\"");
        }
    }

    /**
     * Another environment.
     *
     * @throws IllegalArgumentException if a name is empty or has {@code =} or NUL in it, or a value has NUL
     *     in it
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
