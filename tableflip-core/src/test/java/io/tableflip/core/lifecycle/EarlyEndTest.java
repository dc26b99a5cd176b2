package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Children that end before the library starts in them: real processes. */
@Tag("slow")
@Tag("jdk") // it quotes what java prints
class EarlyEndTest {
    private static final String JAVA = System.getProperty("java.home") + "/bin/java";
    private static final String CLASS_PATH = System.getProperty("java.class.path");

    @TempDir
    Path directory;

    /** An agent that opens a port. */
    static final class PortAgent {
        private PortAgent() {}

        public static void premain(String port) throws IOException {
            new ServerSocket(Integer.parseInt(port), 1, InetAddress.getLoopbackAddress());
        }
    }

    /** An agent that ends the first JVM that it is loaded into, and holds up the second. */
    static final class SlowAgent {
        private SlowAgent() {}

        public static void premain(String directory) throws Exception {
            try {
                Files.createFile(Path.of(directory, "first"));
            } catch (IOException e) {
                Path written = Files.writeString(
                        Path.of(directory, "pid"), "" + ProcessHandle.current().pid());
                Files.move(written, Path.of(directory, "second"));
                new CountDownLatch(1).await(); // until it is killed
            }
            Runtime.getRuntime().halt(7);
        }
    }

    /** A program without the library, which fails. */
    static final class FailingMain {
        private FailingMain() {}

        public static void main(String[] arguments) throws IOException {
            Files.writeString(Path.of(arguments[0]), "x", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            System.exit(9);
        }
    }

    /** @return the option for it */
    private String agent(Class<?> agent) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Premain-Class", agent.getName());
        Path jar = directory.resolve("agent.jar");
        try (OutputStream out = Files.newOutputStream(jar)) {
            new JarOutputStream(out, manifest).close();
        }
        return "-javaagent:" + jar;
    }

    private static Service start(String... child) throws IOException {
        return new Service.Start().option("child", String.join("\n", child)).go();
    }

    /** @return what it says of the failure, behind the status */
    private static String failure(Service service, int status) throws Exception {
        long parent = service.awaitPid(1, "ready$");
        service.hangUp(parent);
        String reason = service.await("g1 p\\d+ rolledBack CHILD_EXITED status OptionalInt." + status
                        + ".: the child ended before it was ready: .*?exit status " + status + "(.*)")
                .group(1);
        Await.until("every child is waited for", () -> Proc.zombies(parent).isEmpty());
        return reason;
    }

    private static void assertFound(String regex, String text) {
        assertFalse(Pattern.compile(regex).matcher(text).results().findAny().isEmpty(), text);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "2   | -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:PORT"
                        + " | bind failed: Address already in use .*the port of OPTION;.*\"-agentlib:jdwp\"",
                "1   | -Dcom.sun.management.jmxremote.port=PORT -Dcom.sun.management.jmxremote.ssl=false"
                        + " -Dcom.sun.management.jmxremote.authenticate=false"
                        + " | Address already in use.*the port of OPTION;.*\"-Dcom.sun.management.jmxremote.port\"",
                "134 | AGENT=PORT | Address already in use.*may open a port for AGENT;.*\"AGENT\"",
            })
    void aPortThatIsTaken(int status, String option, String words) throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("0.0.0.0"))) {
            String agent = agent(PortAgent.class);
            String used = option.replace("AGENT", agent).replace("PORT", Integer.toString(taken.getLocalPort()));
            List<String> command = new ArrayList<>(List.of(JAVA, "-cp", CLASS_PATH));
            command.addAll(List.of(used.split(" ", -1)));
            command.addAll(List.of(FailingMain.class.getName(), "/"));
            try (Service service = start(command.toArray(String[]::new))) {
                String regex = words.replace("OPTION", Pattern.quote(used.split(" ", -1)[0]))
                        .replace("AGENT", Pattern.quote(agent));
                assertFound(regex, failure(service, status));
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-jar /no/such.jar       | Error: Unable to access jarfile /no/such.jar$",
                "-XX:NoSuchOption=1 Main | Unrecognized VM option 'NoSuchOption=1' . Error: Could not create ",
                "-Xmx1k Main             | Error occurred during initialization of VM . Too small maximum heap$",
            })
    void aCommandThatCannotStart(String arguments, String words) throws Exception {
        List<String> command = new ArrayList<>(List.of(JAVA));
        command.addAll(List.of(arguments.split(" ", -1)));
        try (Service service = start(command.toArray(String[]::new))) {
            assertFound("^\\. A second start, only as far as main, printed: " + words, failure(service, 1));
        }
    }

    /** By the command that its JVM had. */
    @Test
    void aStartScript() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("0.0.0.0"))) {
            String debugger =
                    "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:" + taken.getLocalPort();
            String script = "export JAVA_TOOL_OPTIONS=" + debugger + "; exec " + JAVA + " Main";
            try (Service service = start("/bin/sh", "-c", script)) {
                assertFound(
                        "Address already in use.*the port of " + Pattern.quote(debugger) + " in JAVA_TOOL_OPTIONS;",
                        failure(service, 2));
            }
        }
    }

    @Test
    void mainIsNotRunTwice() throws Exception {
        Path runs = directory.resolve("runs");
        try (Service service = start(JAVA, "-cp", CLASS_PATH, FailingMain.class.getName(), runs.toString())) {
            assertEquals(
                    ". A second start, only as far as main, met no error: see what the child has printed",
                    failure(service, 9));
            assertEquals("x", Files.readString(runs));
        }
    }

    @Test
    void anotherProgramIsNotRunTwice() throws Exception {
        Path runs = directory.resolve("runs");
        try (Service service = start("/bin/sh", "-c", "echo x >>" + runs + "; exit 9")) {
            assertEquals("", failure(service, 9));
            assertEquals("x\n", Files.readString(runs));
        }
    }

    @Test
    void aStopEndsTheSecondStart() throws Exception {
        try (Service service = start(JAVA, agent(SlowAgent.class) + "=" + directory, "-cp", CLASS_PATH, "Main")) {
            long parent = service.awaitPid(1, "ready$");
            service.hangUp(parent);
            Await.until("a second start", () -> Files.exists(directory.resolve("second")));
            service.stop(parent);
            long second = Long.parseLong(Files.readString(directory.resolve("second")));
            Await.until("it has ended", () -> !Proc.isRunning(second));
        }
    }
}
