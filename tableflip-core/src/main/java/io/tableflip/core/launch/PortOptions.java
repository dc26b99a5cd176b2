package io.tableflip.core.launch;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.text.JvmOptions;
import io.tableflip.core.text.JvmVariables;
import io.tableflip.core.text.Printable;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The options with which a JVM opens a port before its main: while one process has a fixed port, a second one
 * with the same options does not start.
 */
public final class PortOptions {
    private static final Pattern DEBUGGER =
            Pattern.compile("(-agentlib:jdwp|-Xrunjdwp|-agentpath:[^=]*jdwp[^=:]*)[=:].*");
    private static final Pattern ADDRESS = Pattern.compile("(?:.*[=:,])?address=(?:[^,]*:)?([0-9]+)(?:,.*)?");
    private static final Pattern MANAGEMENT =
            Pattern.compile("(-Dcom\\.sun\\.management\\.(?:jmxremote|jmxremote\\.rmi|snmp)\\.port)=([0-9]+)");
    private static final Pattern AGENT = Pattern.compile(
            "(-(?:javaagent|agentlib|agentpath):[^=]*|-Dcom\\.sun\\.management\\.config\\.file)(?:=.*)?");

    private final List<String> certain = new ArrayList<>();
    private final List<String> possible = new ArrayList<>();
    private final Set<String> names = new LinkedHashSet<>();

    private PortOptions() {}

    /**
     * Names the options that open a fixed port, and those that may, and says what to do; empty if there are
     * none. An agent's own arguments are left out: they may hold secrets.
     */
    public static String describe(ChildCommand command) {
        PortOptions found = new PortOptions();
        JvmOptions.of(command.command()).forEach(option -> found.look(option, ""));
        for (String variable : JvmVariables.NAMES) {
            JvmVariables.options(command.environment().getOrDefault(variable, ""))
                    .forEach(option -> found.look(option, " in " + variable));
        }
        return found.describe();
    }

    private void look(String option, String where) {
        Matcher debugger = DEBUGGER.matcher(option);
        Matcher management = MANAGEMENT.matcher(option);
        Matcher agent = AGENT.matcher(option);
        if (debugger.matches()) {
            Matcher address = ADDRESS.matcher(option);
            if (option.contains("server=y") && address.matches() && isFixed(address.group(1))) {
                add(certain, option, where, debugger.group(1));
            }
        } else if (management.matches()) {
            if (isFixed(management.group(2))) {
                add(certain, option, where, management.group(1));
            }
        } else if (agent.matches()) {
            add(possible, agent.group(1), where, agent.group(1));
        }
    }

    private static boolean isFixed(String port) {
        return !port.matches("0+");
    }

    private void add(List<String> list, String option, String where, String name) {
        list.add(Printable.of(option) + where);
        names.add("\"" + Printable.of(name) + "\"");
    }

    private String describe() {
        if (names.isEmpty()) {
            return "";
        }
        String opened = certain.isEmpty() ? "" : "opens the port of " + String.join(" and ", certain);
        String perhaps = possible.isEmpty() ? "" : "may open a port for " + String.join(" and ", possible);
        return "Before main, a JVM " + opened + (opened.isEmpty() || perhaps.isEmpty() ? "" : ", and ") + perhaps
                + "; the port of this process is taken until it exits. Give the child another port (0: any), or leave"
                + " that out of its command: ChildCommand.withoutJvmOptions("
                + names.stream().collect(Collectors.joining(", ")) + ")";
    }
}
