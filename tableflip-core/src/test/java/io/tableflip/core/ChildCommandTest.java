package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.text.RawString;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChildCommandTest {
    private final ChildCommand command = new ChildCommand(List.of("java", "-jar", "app.jar"), Map.of("A", "1"));

    @Test
    void eachChangeLeavesTheRest() {
        assertEquals(
                List.of("java", "-Xmx1g", "Main"),
                command.withArguments(List.of("-Xmx1g", "Main")).command());
        assertEquals(
                List.of("./start.sh", ""), command.withCommand("./start.sh", "").command());
        assertEquals(Map.of("A", "1"), command.withCommand("x").environment());
        assertEquals(Map.of("A", "2"), command.withVariable("A", "2").environment());
        assertEquals(
                Map.of("A", "1", "B", "=x\n"), command.withVariable("B", "=x\n").environment());
        assertEquals(Map.of("C", ""), command.withEnvironment(Map.of("C", "")).environment());
        assertEquals(List.of("java", "-jar", "app.jar"), command.command());
        assertEquals(Map.of("A", "1"), command.environment());
    }

    @Test
    void laterChangesOfTheArgumentsHaveNoEffect() {
        List<String> list = new ArrayList<>(List.of("a"));
        Map<String, String> map = new HashMap<>(Map.of("N", "v"));
        ChildCommand changed = command.withCommand(list).withEnvironment(map);
        list.add("b");
        map.clear();
        assertEquals(List.of("a"), changed.command());
        assertEquals(Map.of("N", "v"), changed.environment());
        assertThrows(
                UnsupportedOperationException.class, () -> changed.command().add("x"));
        assertThrows(
                UnsupportedOperationException.class, () -> changed.environment().put("x", "y"));
    }

    @Test
    void refusesWhatExecCannotTake() {
        assertThrows(IllegalArgumentException.class, () -> command.withCommand(List.of()));
        assertThrows(IllegalArgumentException.class, () -> command.withCommand("", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withCommand("java", "a\0b"));
        assertThrows(IllegalArgumentException.class, () -> command.withArguments(List.of("\0")));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("A=B", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("A\0", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("A", "\0"));
    }

    private static ChildCommand java(String... arguments) {
        return new ChildCommand(List.of("/jdk/bin/java"), Map.of()).withArguments(List.of(arguments));
    }

    private static List<String> arguments(ChildCommand command) {
        return command.command().subList(1, command.command().size());
    }

    @Test
    void optionsOfTheJvmReplaceThoseOfTheSameName() {
        ChildCommand own =
                java("-Xmx2g", "-Da=1", "-cp", "-Xmx3g", "-XX:+UseZGC", "-XX:MaxHeapSize=1g", "Main", "-Xmx9g");
        assertEquals(
                List.of("-Xmx512m", "-Da=1", "-cp", "-Xmx3g", "-XX:+UseZGC", "Main", "-Xmx9g"),
                arguments(own.withJvmOptions("-Xmx512m")));
        assertEquals(
                List.of("-XX:-UseZGC", "-Da=2=3", "-Xmx2g", "-cp", "-Xmx3g", "-XX:MaxHeapSize=1g", "Main", "-Xmx9g"),
                arguments(own.withJvmOptions("-XX:-UseZGC", "-Da=2=3")));
        assertEquals(own.command(), own.withJvmOptions().command());
        assertEquals(
                List.of("-Xlog:gc", "-Xlog:safepoint"),
                arguments(java("-Xlog:safepoint").withJvmOptions("-Xlog:gc")));
        assertEquals(List.of("-Xmx2g"), arguments(java().withJvmOptions("-Xmx1g", "-Xmx2g")));
        assertEquals(List.of("-Da", "-cp"), arguments(java("-cp").withJvmOptions("-Da")));
    }

    @Test
    void optionsOfTheJvmDoNotPileUp() {
        ChildCommand once = java("-jar", "app.jar").withJvmOptions("-Xms64m", "-XX:SoftMaxHeapSize=512m");
        assertEquals(List.of("-Xms64m", "-XX:SoftMaxHeapSize=512m", "-jar", "app.jar"), arguments(once));
        assertEquals(
                once.command(),
                once.withJvmOptions("-Xms64m", "-XX:SoftMaxHeapSize=512m").command());
    }

    @Test
    void optionsOfTheJvmAreTakenOut() {
        String debugger = "-agentlib:jdwp=transport=dt_socket,server=y,address=5005";
        ChildCommand own =
                java("-Xmx2g", debugger, "-cp", debugger, "-Da=1", "-javaagent:a.jar=9090", "Main", debugger);
        assertEquals(
                List.of("-Xmx2g", "-cp", debugger, "-Da=1", "-javaagent:a.jar=9090", "Main", debugger),
                arguments(own.withoutJvmOptions("-agentlib:jdwp")));
        assertEquals(
                List.of(debugger, "-cp", debugger, "Main", debugger),
                arguments(own.withoutJvmOptions("-Xmx", "-Da", "-javaagent")));
        assertEquals(
                own.command(),
                own.withoutJvmOptions("-agentlib:jdw", "-D", "-javaagent:b.jar").command());
    }

    @Test
    void optionsOfTheJvmAreTakenOutOfVariables() {
        ChildCommand own = java("Main")
                .withVariable("JAVA_TOOL_OPTIONS", "-Da='b  c' -agentlib:jdwp=server=y,address=1 -Xmx1g")
                .withVariable("JDK_JAVA_OPTIONS", " \"-agentlib:jdwp=address=1\" ")
                .withVariable("_JAVA_OPTIONS", "-Da='b  c'  -Xmx1g")
                .withVariable("OTHER", "-agentlib:jdwp=address=1");
        Map<String, String> left = Map.of(
                "JAVA_TOOL_OPTIONS", "-Da='b  c' -Xmx1g",
                "_JAVA_OPTIONS", "-Da='b  c'  -Xmx1g",
                "OTHER", "-agentlib:jdwp=address=1");
        assertEquals(left, own.withoutJvmOptions("-agentlib:jdwp").environment());
        ChildCommand script = own.withCommand("./start.sh", "-agentlib:jdwp=address=1");
        assertEquals(left, script.withoutJvmOptions("-agentlib:jdwp").environment());
        assertEquals(
                script.command(), script.withoutJvmOptions("-agentlib:jdwp").command());
    }

    @Test
    void refusesWhatIsNoOptionOfAJvm() {
        for (String bad : List.of("", "Main", "@file", "-jar", "-cp", "--module", "--add-opens")) {
            assertThrows(IllegalArgumentException.class, () -> java("Main").withJvmOptions(bad), bad);
            assertThrows(IllegalArgumentException.class, () -> java("Main").withoutJvmOptions(bad), bad);
        }
        assertThrows(IllegalArgumentException.class, () -> java("Main").withJvmOptions("-D\0"));
        ChildCommand script = command.withCommand("./start.sh");
        assertThrows(IllegalStateException.class, () -> script.withJvmOptions("-Xmx1g"));
    }

    private static String kept(String block) {
        return Base64.getEncoder().encodeToString(RawString.encode(block));
    }

    @Test
    void aStartScriptSeesTheEnvironmentOfItsFirstStart() {
        String kept = kept("OPTS=a\nb\uDCFF\0EMPTY=\0_=/usr/bin/env\0");
        ChildCommand own = java("Main")
                .withEnvironment(Map.of(
                        "OPTS", "a\nb\uDCFF -Dx=1", "SET_BY_THE_SCRIPT", "x", "TABLEFLIP_START_ENVIRONMENT", kept));
        ChildCommand script = own.withStartScript("./start.sh", "-x");
        assertEquals(List.of("./start.sh", "-x"), script.command());
        assertEquals(
                Map.of("OPTS", "a\nb\uDCFF", "EMPTY", "", "TABLEFLIP_START_ENVIRONMENT", kept), script.environment());
        assertEquals("later", script.withVariable("OPTS", "later").environment().get("OPTS"));
        assertEquals(script.environment(), script.withStartScript("./start.sh").environment());
    }

    @Test
    void aStartScriptThatKeepsNothingGetsWhatThisProcessHas() {
        for (Map<String, String> environment :
                List.of(Map.of("A", "1"), Map.of("A", "1", "TABLEFLIP_START_ENVIRONMENT", ""))) {
            ChildCommand own = java("Main").withEnvironment(environment);
            assertEquals(environment, own.withStartScript("./start.sh").environment());
        }
    }

    @Test
    void anEnvironmentThatWasKeptWronglyIsNamed() {
        ChildCommand own = java("Main").withVariable("TABLEFLIP_START_ENVIRONMENT", "PATH=/bin");
        IllegalStateException failure =
                assertThrows(IllegalStateException.class, () -> own.withStartScript("./start.sh"));
        assertTrue(failure.toString().contains("TABLEFLIP_START_ENVIRONMENT is not"), failure::toString);
    }
}
