package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.ChildCommand;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PortOptionsTest {
    private static String describe(String... command) {
        return PortOptions.describe(new ChildCommand(List.of(command), Map.of()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005",
                "-agentlib:jdwp=address=*:5005,server=y,transport=dt_socket",
                "-Xrunjdwp:transport=dt_socket,server=y,address=127.0.0.1:5005",
                "-agentpath:/jdk/lib/libjdwp.so=transport=dt_socket,server=y,address=[::1]:5005",
                "-Dcom.sun.management.jmxremote.port=9010",
                "-Dcom.sun.management.jmxremote.rmi.port=9011",
            })
    void whatOpensAPort(String option) {
        String name = option.replaceFirst("(?<=jdwp(\\.so)?)[:=].*|(?<=port)=.*", "");
        String expected = "Before main, a JVM opens the port of " + option;
        String remedy = "ChildCommand.withoutJvmOptions(\"" + name + "\")";
        String described = describe("/jdk/bin/java", "-cp", "x", option, "Main");
        assertTrue(described.startsWith(expected) && described.endsWith(remedy), described);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n",
                "-agentlib:jdwp=transport=dt_socket,server=y,address=0",
                "-agentlib:jdwp=transport=dt_socket,server=y,address=*:0",
                "-agentlib:jdwp=transport=dt_socket,server=n,address=ide:5005",
                "-Dcom.sun.management.jmxremote.port=0",
                "-Dcom.sun.management.jmxremote",
                "-Dport=8080",
            })
    void whatOpensNone(String option) {
        assertEquals("", describe("java", option, "Main"));
    }

    /** Its arguments may hold a secret. */
    @Test
    void anyAgentMay() {
        String described = describe("java", "-javaagent:/opt/agent.jar=key=secret,port=9404", "-jar", "app.jar");
        assertTrue(
                described.startsWith("Before main, a JVM may open a port for -javaagent:/opt/agent.jar;"), described);
        assertTrue(described.contains("withoutJvmOptions(\"-javaagent:/opt/agent.jar\")"), described);
        assertFalse(described.contains("secret"), described);
    }

    @Test
    void variablesAreNamed() {
        String debugger = "-agentlib:jdwp=transport=dt_socket,server=y,address=5005";
        ChildCommand script = new ChildCommand(
                List.of("./start", debugger),
                Map.of("JAVA_TOOL_OPTIONS", "-Xmx1g " + debugger, "_JAVA_OPTIONS", "-javaagent:a.jar"));
        String described = PortOptions.describe(script);
        assertTrue(
                described.startsWith("Before main, a JVM opens the port of " + debugger
                        + " in JAVA_TOOL_OPTIONS, and may open a port for -javaagent:a.jar in _JAVA_OPTIONS; "),
                described);
        assertTrue(described.endsWith("withoutJvmOptions(\"-agentlib:jdwp\", \"-javaagent:a.jar\")"), described);
    }

    @Test
    void theProgramsOwnArgumentsAreNone() {
        assertEquals("", describe("java", "Main", "-agentlib:jdwp=transport=dt_socket,server=y,address=5005"));
    }
}
