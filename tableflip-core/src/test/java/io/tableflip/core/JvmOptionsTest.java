package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JvmOptionsTest {
    @TempDir
    Path directory;

    private static List<String> options(Map<String, String> environment, String... command) {
        return JvmOptions.of(new ChildCommand(List.of(command), environment));
    }

    private static List<String> options(String... command) {
        return options(Map.of(), command);
    }

    @Test
    void theProgramsOwnArgumentsAreNone() {
        assertEquals(List.of("-Xmx1g"), options("java", "-Xmx1g", "-jar", "app.jar", "-Xmx2g"));
        assertEquals(List.of("-Xmx1g"), options("java", "-Xmx1g", "Main", "-Xmx2g"));
        assertEquals(List.of("-Xmx1g"), options("java", "-Xmx1g", "-m", "app/app.Main", "-Xmx2g"));
        assertEquals(List.of("-cp", "-Xmx3g", "-Xmx1g"), options("java", "-cp", "-Xmx3g", "-Xmx1g", "Main"));
        assertEquals(List.of("-cp"), options("java", "-cp"));
        assertEquals(List.of(), options("java"));
    }

    @Test
    void theVariablesInTheirOrder() {
        Map<String, String> variables = Map.of(
                "_JAVA_OPTIONS",
                "-D4",
                "JAVA_TOOL_OPTIONS",
                " -D1 '-Da=b c'\t",
                "JDK_JAVA_OPTIONS",
                "\"-D2 x\" -D2'y'");
        assertEquals(
                List.of("-D1", "-Da=b c", "-D2 x", "-D2y", "-D3", "-D4"), options(variables, "java", "-D3", "Main"));
    }

    @Test
    void argumentFiles() throws IOException {
        Files.writeString(
                directory.resolve("args"), "-Xmx1g # a comment\n#-Xmx2g\n\"-Da=\\\"b c\" \n-cp x Main -Xmx3g");
        Map<String, String> environment = Map.of("PWD", directory.toString());
        assertEquals(
                List.of("-D1", "-Xmx1g", "-Da=\"b c", "-cp", "x"), options(environment, "java", "-D1", "@args", "-D2"));
        assertEquals(
                List.of("-Xmx1g", "-Da=\"b c", "-cp", "x"),
                options(Map.of("JDK_JAVA_OPTIONS", "@" + directory.resolve("args")), "java", "Main"));
    }

    @Test
    void argumentFilesThatCannotBeRead() {
        Map<String, String> environment = Map.of("PWD", directory.toString());
        for (String file : List.of("@", "@@literal", "@missing", "@/proc", "@\udc80", "@" + directory)) {
            assertTrue(options(environment, "java", file, "-Xmx1g", "Main").contains("-Xmx1g"), file);
        }
    }

    @Test
    void quotesThatDoNotEnd() {
        assertEquals(List.of("a", "b c"), JvmOptions.words("a 'b c", false));
        assertEquals(List.of("\\"), JvmOptions.words("'\\", true));
        assertEquals(List.of(""), JvmOptions.words("''", false));
        assertEquals(List.of(), JvmOptions.words("# x", true));
        assertEquals(List.of("#", "x"), JvmOptions.words("# x", false));
    }

    @Test
    void namesOfOptions() {
        assertEquals("-XX:MaxHeapSize", JvmOptions.name("-Xmx1g"));
        assertEquals("-XX:MaxHeapSize", JvmOptions.name("-XX:MaxHeapSize=1g"));
        assertEquals("-XX:InitialHeapSize", JvmOptions.name("-Xms1g"));
        assertEquals("-Xss", JvmOptions.name("-Xss1m"));
        assertEquals("-XX:UseZGC", JvmOptions.name("-XX:-UseZGC"));
        assertEquals("-XX:UseZGC", JvmOptions.name("-XX:+UseZGC"));
        assertEquals("-Da", JvmOptions.name("-Da=1=2"));
        assertEquals("--add-opens=a/b=c", JvmOptions.name("--add-opens=a/b=c"));
        assertEquals("-Xlog:gc", JvmOptions.name("-Xlog:gc"));
    }

    @Test
    void whatIsJava() {
        assertTrue(JvmOptions.isJava(List.of("java")));
        assertTrue(JvmOptions.isJava(List.of("/opt/jdk/bin/java", "x")));
        assertFalse(JvmOptions.isJava(List.of("./java.sh")));
        assertFalse(JvmOptions.isJava(List.of("java/")));
    }
}
