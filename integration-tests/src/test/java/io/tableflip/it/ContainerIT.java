package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.dockerjava.api.model.RestartPolicy;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The image of {@code examples/docker} in a real container engine: a launcher as process 1, and a service that is upgraded by a signal. docs/containers.md says what comes out here. */
@Tag("containers")
@Execution(ExecutionMode.SAME_THREAD) // one engine
class ContainerIT {
    private static final int UPGRADES = 3;
    private static final long KILLED = 128 + 9;

    private static ContainerEngine engine;

    @BeforeAll
    static void startEngine() throws IOException {
        engine = ContainerEngine.start();
    }

    @AfterAll
    static void stopEngine() throws IOException {
        if (engine != null) {
            engine.close();
        }
    }

    private static void assertServes(ExampleContainer container, int generation) {
        String answer = Http.get(container.address(), "/");
        assertTrue(answer.contains("\"generation\":" + generation + ","), () -> answer + "\n" + container.log());
    }

    /** Read-only, unprivileged, without capabilities, and with room for two JVMs. */
    @Test
    void noRequestFailsOverUpgradesThroughAPublishedPort() throws IOException {
        try (ExampleContainer container = ExampleContainer.of(engine).start()) {
            try (StrictLoad load = MixedLoad.start(container.address())) {
                for (int i = 0; i < UPGRADES; i++) {
                    container.upgrade();
                }
                MixedLoad.assertClean(load, container::log);
            }
            assertServes(container, 1 + UPGRADES);
            Await.until(
                    "one JVM",
                    () -> container.jvms() == 1,
                    () -> container.processes().toString());
            for (ExampleContainer.Listed process : container.processes()) {
                assertEquals(ExampleContainer.USER, process.user(), process::toString);
                assertFalse(process.state().startsWith("Z"), process::toString);
            }
            assertEquals(0, container.stop(), container::log);
            assertFalse(Boolean.TRUE.equals(container.state().getOOMKilled()));
            assertEquals(0, container.inspect().getRestartCount());
            container.awaitMatch("tableflip-launcher: no process of the service is left, .* \\(status 0\\)");
        }
    }

    @Test
    void theCommandLineUpgradesToo() {
        try (ExampleContainer container = ExampleContainer.of(engine).start()) {
            long old = container.pid();
            String jar = "/opt/hello/tableflip-examples.jar";
            String pidFile = ExampleContainer.DIRECTORY + "/pid";
            String outcome =
                    container.run("java", "-jar", jar, "ctl", "upgrade", "--pid-file", pidFile, "--wait", "60s");
            assertTrue(
                    outcome.contains("generation 2 (pid " + container.pid() + ") is the service, generation 1 (pid "
                            + old + ") has ended"),
                    outcome);
            assertServes(container, 2);
        }
    }

    @Test
    void aStopFinishesWhatIsUnderWay() throws IOException {
        try (ExampleContainer container = ExampleContainer.of(engine).start()) {
            container.upgrade();
            CompletableFuture<String> slow = Http.start(container.address(), "/slow?ms=2000");
            container.awaitMatch("generation 2");
            Http.get(container.address(), "/"); // the one before it has been accepted
            assertEquals(0, container.stop(), container::log);
            assertTrue(slow.join().contains("\"generation\":2,"), container::log);
        }
    }

    @Test
    void isStartedAgainAsItsPolicySaysWhenTheServiceWasKilled() {
        try (ExampleContainer container = ExampleContainer.of(engine)
                .restart(RestartPolicy.onFailureRestart(1))
                .start()) {
            container.upgrade();
            container.run("kill", "-9", Long.toString(container.pid()));
            container.awaitMatch("\\(status " + KILLED + "\\)(?s).*generation 1 \\(pid \\d+\\) is serving");
            assertEquals(1, container.inspect().getRestartCount());
            assertServes(container, 1);
            container.upgrade();
            assertServes(container, 2);
            container.run("kill", "-9", Long.toString(container.pid()));
            assertEquals(KILLED, container.awaitEnd(), container::log);
        }
    }

    @Test
    void aGoodEndIsNoFailure() {
        try (ExampleContainer container = ExampleContainer.of(engine)
                .restart(RestartPolicy.onFailureRestart(0))
                .start()) {
            container.upgrade();
            container.signal("TERM");
            assertEquals(0, container.awaitEnd(), container::log);
            assertEquals(0, container.inspect().getRestartCount());
        }
    }

    /** The launcher is not process 1 then. */
    @ParameterizedTest
    @CsvSource({"TERM, 0", "KILL, 137"})
    void underAnInitTheStatusIsTheSame(String signal, long status) {
        Tools.assumeInstalled("perl"); // and so in the image
        Tools.assumeInstalled("docker-init");
        try (ExampleContainer container = ExampleContainer.of(engine).init().start()) {
            container.upgrade();
            container.run("kill", "-s", signal, Long.toString(container.pid()));
            assertEquals(status, container.awaitEnd(), container::log);
            container.awaitMatch(
                    "tableflip-launcher: no process of the service is left, .* \\(status " + status + "\\)");
        }
    }

    @Test
    void underAnInitNoRequestFailsAndTheContainerLivesOn() throws IOException {
        Tools.assumeInstalled("perl"); // and so in the image
        Tools.assumeInstalled("docker-init");
        try (ExampleContainer container = ExampleContainer.of(engine).init().start()) {
            try (StrictLoad load = MixedLoad.start(container.address())) {
                container.upgrade();
                MixedLoad.assertClean(load, container::log);
            }
            assertServes(container, 2);
            assertEquals(0, container.stop(), container::log);
        }
    }

    @ParameterizedTest
    @CsvSource({"false, 'this is process 1'", "true, 'docker-init \\(process 1\\) waits for this process'"})
    void withoutTheLauncherAnUpgradeIsRefusedAndTheContainerLivesOn(boolean init, String why) throws IOException {
        ExampleContainer.Builder example = ExampleContainer.of(engine).withoutLauncher();
        if (init) {
            Tools.assumeInstalled("docker-init");
            example.init();
        }
        try (ExampleContainer container = example.start()) {
            container.awaitMatch("upgrades will be refused: " + why + ".*tableflip-launcher\\.sh");
            try (StrictLoad load = MixedLoad.start(container.address())) {
                container.signal("HUP");
                container.awaitMatch("upgrade: refused: " + why + ".*tableflip-launcher\\.sh");
                MixedLoad.assertClean(load, container::log);
            }
            assertServes(container, 1);
            assertFalse(container.log().contains("spawned generation"), container::log);
            assertEquals(0, container.stop(), container::log);
        }
    }

    /** The settings of the example, by the program that reads them. */
    @Test
    void theComposeFileOfTheExampleUpgradesAndStopsGracefully() throws IOException {
        Tools.assumeInstalled("docker-compose");
        try (ComposedExample hello = ComposedExample.up(engine)) {
            Http.get(hello.address(), "/");
            try (StrictLoad load = MixedLoad.start(hello.address())) {
                hello.compose("kill", "-s", "HUP", "hello");
                hello.awaitLog("process \\d+ can be upgraded now");
                MixedLoad.assertClean(load, hello::log);
            }
            assertTrue(Http.get(hello.address(), "/").contains("\"generation\":2,"), hello::log);
            CompletableFuture<String> slow = Http.start(hello.address(), "/slow?ms=2000");
            Http.get(hello.address(), "/"); // the one before it has been accepted
            hello.compose("stop");
            assertTrue(slow.join().contains("\"generation\":2,"), hello::log);
            hello.awaitLog("no process of the service is left, .* \\(status 0\\)");
        }
    }

    /** With the setting of docs/containers.md. */
    @Test
    void theComposeFileOfTheExampleUpgradesWithAnInitToo(@TempDir Path directory) throws IOException {
        Tools.assumeInstalled("docker-compose");
        Tools.assumeInstalled("docker-init");
        Path init = directory.resolve("init.yaml");
        Files.writeString(init, Markdown.read("docs/containers.md").block("yaml", "### docker run --init"));
        try (ComposedExample hello = ComposedExample.up(engine, init)) {
            hello.compose("kill", "-s", "HUP", "hello");
            hello.awaitLog("process \\d+ can be upgraded now");
            assertTrue(Http.get(hello.address(), "/").contains("\"generation\":2,"), hello::log);
            assertTrue(
                    hello.compose("exec", "-T", "hello", "cat", "/proc/1/comm").contains("docker-init"), hello::log);
            hello.compose("stop");
            hello.awaitLog("no process of the service is left, .* \\(status 0\\)");
        }
    }

    // ---- what is missing

    @Test
    void withoutAWritableDirectoryItServesWithoutUpgrades() {
        try (ExampleContainer container =
                ExampleContainer.of(engine).withoutTmpfs().start()) {
            container.awaitMatch("tableflip-launcher: no PID file can be written at /run/hello/pid");
            container.awaitMatch("WARNING .*the file system is read-only: PID file /run/hello/pid cannot be written");
            container.signal("HUP");
            container.awaitMatch(
                    "upgrade: refused: no upgrades here: Netty's epoll transport is not available: .*Read-only file system");
            assertServes(container, 1);
            assertEquals(0, container.stop(), container::log);
        }
    }

    /** Docker's default for a tmpfs. */
    @Test
    void whereNothingMayBeExecutedItServesWithoutUpgrades() {
        try (ExampleContainer container =
                ExampleContainer.of(engine).tmpfsWithoutExec().start()) {
            container.signal("HUP");
            container.awaitMatch(
                    "upgrade: refused: no upgrades here: Netty's epoll transport is not available: .*failed to map segment");
            assertServes(container, 1);
            assertEquals(0, container.stop(), container::log);
        }
    }

    @Test
    void aLimitThatIsTooSmallForTwoIsSeenBeforeTheSpawn() {
        try (ExampleContainer container = ExampleContainer.of(engine)
                .memory(400)
                .environment("JAVA_TOOL_OPTIONS", "-Xmx380m")
                .arguments("--resource-check", "refuse")
                .start()) {
            container.signal("HUP");
            container.awaitMatch(
                    "upgrade: failed after \\d+ ms, this process serves on: the new process may need \\d+ MiB"
                            + " \\(heap 380 MiB by -Xmx, \\d+ MiB besides\\), and only \\d+ MiB of the 400 MiB of cgroup");
            assertServes(container, 1);
            assertEquals(0, container.stop(), container::log);
        }
    }
}
