package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RepeatedExecTest {
    @TempDir
    Path directory;

    private Path server(String jdk) throws IOException {
        Path server = Files.createDirectories(directory.resolve(jdk).resolve("lib/server"));
        Files.createFile(server.resolve("libjvm.so"));
        return server;
    }

    private static Optional<String> find(Path jdk, String libraryPath) {
        return RepeatedExec.find(Map.of("LD_LIBRARY_PATH", libraryPath), jdk.toString());
    }

    @Test
    void theLibraryPathThatTheLauncherMakesIsKnown() throws IOException {
        Path own = server("jdk");
        String other = server("other").toString();
        Path jdk = directory.resolve("jdk");
        String made = own + ":" + jdk + "/lib:";
        assertEquals(Optional.of(own.toString()), find(jdk, made + own));
        assertEquals(Optional.of(other), find(jdk, made + "/opt/lib:" + other));
        assertEquals(Optional.empty(), find(jdk, own.toString())); // then it does not execute itself
        assertEquals(Optional.empty(), find(jdk, made + "/opt/lib"));
        assertEquals(Optional.empty(), find(jdk, "/opt/lib:" + other));
        assertEquals(Optional.empty(), find(jdk, made + "/no/such/lib/server"));
        assertEquals(Optional.empty(), find(directory.resolve("other"), made + own));
        assertEquals(Optional.empty(), RepeatedExec.find(Map.of(), jdk.toString()));
    }

    /** What the class believes of {@code java}, with the one that runs this test. */
    @Test
    void theLauncherExpandsArgumentFiles() throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        Path arguments = Files.writeString(directory.resolve("arguments"), "-Dx=1\n");
        Path source = Files.writeString(directory.resolve("Show.java"), """
                class Show {
                    public static void main(String[] args) throws Exception {
                        byte[] words = java.nio.file.Files.readAllBytes(java.nio.file.Path.of("/proc/self/cmdline"));
                        System.out.println(new String(words).replace('\\0', ' '));
                        System.out.println(System.getenv("LD_LIBRARY_PATH"));
                    }
                }
                """);
        ProcessBuilder java =
                new ProcessBuilder(home.resolve("bin/java").toString(), "@" + arguments, source.toString());
        java.environment().keySet().removeIf(name -> name.endsWith("_OPTIONS")); // java would say that it reads them
        java.environment().put("LD_LIBRARY_PATH", "/opt/lib:" + home + "/lib/server");
        String[] shown = Commands.output(java).split("\n", -1);
        assertTrue(shown[0].contains(" -Dx=1 "), shown[0]);
        assertTrue(find(home, shown[1]).isPresent(), shown[1]);
    }
}
