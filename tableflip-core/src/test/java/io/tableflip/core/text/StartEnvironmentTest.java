package io.tableflip.core.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Commands;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The line with which a start script keeps its environment, in the shells that there are. */
class StartEnvironmentTest {
    private static final Path EXAMPLE = Path.of("../examples/bin/hello.sh");
    private static final Path BUSYBOX = Path.of("/usr/bin/busybox");

    private static String line() throws IOException {
        return Files.readAllLines(EXAMPLE).stream()
                .filter(line -> line.startsWith("export " + StartEnvironment.VARIABLE))
                .findFirst()
                .orElseThrow();
    }

    /** What a script keeps that is started with these variables, and sets others. */
    private static Map<String, String> kept(Map<String, String> environment, String... shell) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(shell);
        builder.command()
                .addAll(List.of(
                        "-euc", line() + "\nexport A=changed\nprintf %s \"$" + StartEnvironment.VARIABLE + '"'));
        builder.environment().clear();
        builder.environment().putAll(environment);
        String value = Commands.output(builder);
        Map<String, String> kept = new LinkedHashMap<>(
                StartEnvironment.find(Map.of(StartEnvironment.VARIABLE, value)).orElseThrow());
        assertEquals(value, kept.remove(StartEnvironment.VARIABLE));
        kept.keySet().removeIf(name -> name.equals("PWD") || name.equals("SHLVL")); // of the shell
        return kept;
    }

    private static void assertKeeps(String... shell) throws IOException {
        Map<String, String> environment = Map.of(
                "PATH",
                "/usr/bin:/bin",
                "A",
                "1",
                "EMPTY",
                "",
                "LINES",
                "a\n'b' \"c\"=d\n",
                "LONG",
                "x".repeat(10_000));
        assertEquals(environment, kept(environment, shell));
    }

    @Test
    void theShellOfTheSystemKeepsAll() throws IOException {
        assertKeeps("/bin/sh");
    }

    @Test
    @Tag("tools")
    void busyboxKeepsAll() throws IOException {
        assumeTrue(Files.exists(BUSYBOX), "no busybox");
        assertKeeps(BUSYBOX.toString(), "ash");
    }

    /** The script is run again at an upgrade. */
    @Test
    void whatWasKeptIsKeptOn() throws IOException {
        String first = Base64.getEncoder().encodeToString("A=0\0".getBytes(StandardCharsets.UTF_8));
        assertEquals(
                Map.of("A", "0"),
                kept(Map.of("PATH", "/usr/bin:/bin", "A", "1", StartEnvironment.VARIABLE, first), "/bin/sh"));
    }
}
