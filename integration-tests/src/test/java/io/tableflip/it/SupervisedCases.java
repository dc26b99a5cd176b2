package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A service under a supervisor that restarts what it has started: with the launcher, as docs/supervisors.md
 * has it, and without.
 */
abstract class SupervisedCases {
    private static final int UPGRADES = 2;
    private static final String LAUNCHER = "sh /opt/hello/tableflip-launcher.sh -p /run/hello/pid ";
    private static final Pattern LISTENING = Pattern.compile("listening on (\\S+):(\\d+)");

    @TempDir
    Path directory;

    /** The name of its process. */
    abstract String supervisor();

    /** Starts the supervisor in the test's directory with one service; skips the test where there is none. */
    abstract Service start(boolean withLauncher) throws IOException;

    /** The process that it has started and waits for; 0 if there is none. */
    abstract long supervised() throws IOException;

    /** Has it send SIGHUP. */
    abstract void hangUp() throws IOException;

    /** Has it stop the service, and waits until it takes the service for ended. */
    abstract void stop() throws IOException;

    // ---- the tests

    @Test
    void withoutTheLauncherAnUpgradeIsRefusedBeforeTheSpawn() throws Exception {
        try (Service service = serving(false)) {
            long pid = service.pid();
            assertEquals(pid, supervised(), service::log);
            String waits = supervisor() + " \\(process " + service.first().pid()
                    + "\\) waits for this process, .* tableflip-launcher\\.sh.*docs/supervisors\\.md";
            service.awaitMatch("upgrades will be refused: " + waits);
            try (StrictLoad load = MixedLoad.start(service.address())) {
                hangUp();
                service.awaitMatch("upgrade: refused: " + waits);
                MixedLoad.assertClean(load, service::log);
            }
            assertFalse(service.log().contains("spawned generation"), service::log);
            assertEquals(pid, supervised(), service::log);
            assertEquals(pid, service.pid(), service::log);
        }
    }

    @Test
    void withTheLauncherNoRequestFailsAndAStopEndsTheWholeServiceGracefully() throws Exception {
        try (Service service = serving(true)) {
            long launcher = supervised();
            assertTrue(Proc.commandLine(launcher).contains(LauncherCases.script()), service::log);
            try (StrictLoad load = MixedLoad.start(service.address())) {
                for (int i = 0; i < UPGRADES; i++) {
                    upgrade(service);
                    assertEquals(launcher, supervised(), service::log);
                }
                MixedLoad.assertClean(load, service::log);
            }
            assertFalse(service.log().contains("upgrades will be refused"), service::log);
            CompletableFuture<String> slow = slowRequest(service);
            stop();
            assertTrue(slow.join().contains("\"generation\":" + (1 + UPGRADES) + ","), service::log);
            service.awaitMatch("no process of the service is left, .* \\(status 0\\)");
            assertEquals(0, supervised(), service::log);
            service.awaitOnly(service.first().pid());
        }
    }

    // ---- what they need

    Service serving(boolean withLauncher) throws IOException {
        Service service = start(withLauncher);
        try {
            service.awaitMatch("generation 1 \\(pid \\d+\\) is serving(?s:.*)listening on");
            return service;
        } catch (AssertionError | RuntimeException e) {
            service.close();
            throw e;
        }
    }

    /** Upgrades through the supervisor, and waits until the old process has exited. */
    void upgrade(Service service) throws IOException {
        long old = service.pid();
        hangUp();
        Await.until("another process than " + old, () -> service.pid() != old, service::log);
        service.awaitLog("process " + service.pid() + " can be upgraded now");
        service.awaitGone(old);
    }

    static void awaitStartedAgain(String after, Service service) {
        service.awaitMatch("(?s)" + after + ".*generation 1 \\(pid \\d+\\) is serving.*listening on \\S+:\\d+ \\(pid");
    }

    static CompletableFuture<String> slowRequest(Service service) throws IOException {
        CompletableFuture<String> slow = Http.start(service.address(), "/slow?ms=2000");
        Http.get(service.address(), "/"); // the one before it has been accepted
        return slow;
    }

    /** Of the process that serves now, after a restart on another port. */
    static void assertGeneration(int generation, Service service) {
        Matcher listening = LISTENING.matcher(service.log());
        InetSocketAddress address = service.address();
        while (listening.find()) {
            address = new InetSocketAddress(listening.group(1), Integer.parseInt(listening.group(2)));
        }
        String answer = Http.get(address, "/");
        assertTrue(answer.contains("\"generation\":" + generation + ","), () -> answer + "\n" + service.log());
    }

    /** A configuration of docs/supervisors.md, with the service and the paths of this test. */
    String documented(String language, String heading, boolean withLauncher) throws IOException {
        String block = Markdown.read("docs/supervisors.md").block(language, heading);
        assertTrue(block.contains(LAUNCHER), block);
        String adapted =
                withLauncher ? block : block.replace("/bin/" + LAUNCHER, "").replace(LAUNCHER, "");
        return adapted.replace("/opt/hello/tableflip-launcher.sh", LauncherCases.script())
                .replace("/run/hello/pid", directory.resolve("service.pid").toString())
                .replace(
                        "java -jar /opt/hello/hello.jar",
                        TestJvm.exampleCommand() + " " + String.join(" ", arguments()));
    }

    private List<String> arguments() {
        return List.of(
                "http",
                "--listen",
                "127.0.0.1:0",
                "--pid-file",
                directory.resolve("service.pid").toString(),
                "--idle-boot",
                "0s",
                "--warm-up",
                "300ms");
    }

    static String output(String... command) throws IOException {
        return Commands.output(new ProcessBuilder(command)).strip();
    }
}
