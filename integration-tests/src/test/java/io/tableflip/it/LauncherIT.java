package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher in the foreground, and all that is the same wherever it runs. It takes no privileges. */
@Tag("tools")
class LauncherIT extends LauncherCases {
    private static final String UNKNOWN = "its status is unknown: another process has collected it";

    @Override
    Service.Builder placed(Service.Builder service) {
        Tools.assumeInstalled("perl"); // makes orphans go to the launcher
        return service;
    }

    // ---- without perl

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void withoutPerlAStatusThatNobodyCanTellIsAFailureToo(String shell) throws Exception {
        try (Service service = foreground(shell)
                .environment("PATH", toolsWithoutPerl().toString())
                .startAndAwait()) {
            endsAsNobodySees(service);
            assertEquals(1, end(service), service::log);
            service.awaitLog(UNKNOWN + ". Run this script as process 1, or install perl (status 1)");
        }
    }

    /** By its variables, signals and descriptors. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void theServiceIsStartedAlikeWithAndWithoutPerl(String shell) throws Exception {
        Tools.assumeInstalled("perl");
        Path tools = toolsWithoutPerl();
        String script = "env | grep -v SHLVL; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status; ls /proc/self/fd";
        String[] command = command(shell, "sh", "-c", script);
        List<String> without = output(command, tools);
        add(tools, "perl");
        assertEquals(without, output(command, tools));
        assertTrue(without.contains("LC_ALL=nowhere"), without::toString);
    }

    private static List<String> output(String[] command, Path path) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().put("PATH", path.toString());
        builder.environment().put("LC_ALL", "nowhere"); // of which perl would warn
        return Commands.output(builder)
                .replaceAll("was process \\d+", "was process")
                .lines()
                .sorted()
                .toList();
    }

    /** In the time that perl takes. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aStopBeforeThereIsAServiceEndsTheLauncher(String shell) throws Exception {
        Path perl = executable(
                Files.createDirectory(directory.resolve("bin")).resolve("perl"),
                "echo perl begins\nread never < " + fifo());
        try (Service service = foreground(shell)
                .environment("PATH", perl.getParent() + ":" + System.getenv("PATH"))
                .start()) {
            service.awaitLog("perl begins");
            service.signal("TERM", service.first().pid());
            assertEquals(128 + 15, end(service), service::log);
            assertEquals("perl begins\n", service.log());
            assertEquals(List.of(), service.processes());
        }
    }

    private Path fifo() throws IOException {
        Path fifo = directory.resolve("fifo");
        Commands.run("mkfifo", fifo.toString());
        return fifo;
    }

    /** A directory with all that the launcher and the service need. */
    private Path toolsWithoutPerl() throws IOException {
        Path tools = Files.createDirectory(directory.resolve("tools"));
        for (String program : List.of(
                "sh", "cat", "env", "grep", "ls", "mkfifo", "mv", "readlink", "rm", "setsid", "sleep", "uname")) {
            add(tools, program);
        }
        return tools;
    }

    private static void add(Path tools, String program) throws IOException {
        executable(tools.resolve(program), "exec " + Tools.find(program) + " \"$@\"");
    }

    // ---- a service that is a shell script

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aHeldSignalOutlivesTheProcessThatWatches(String shell) throws Exception {
        try (Service service =
                Service.command(directory, command(shell, slowService())).start()) {
            service.awaitLog("no handlers yet");
            launcher(service, "HUP");
            service.awaitLog("SIGHUP is held");
            long watching = awaitWatching(service);
            service.signal("KILL", watching);
            service.awaitGone(watching);
            Files.createFile(directory.resolve("handlers"));
            service.awaitServing(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void saysWhichSignalNobodyHasHeard(String shell) throws Exception {
        Path fifo = fifo();
        String script = "echo no handlers; read never < " + fifo + "; exit 7";
        try (Service service =
                Service.command(directory, command(shell, "sh", "-c", script)).start()) {
            service.awaitLog("no handlers");
            launcher(service, "HUP");
            service.awaitLog("SIGHUP is held");
            Files.writeString(fifo, "\n");
            assertEquals(7, end(service), service::log);
            service.awaitLog("never forwarded, since no process was named that could hear it: HUP");
        }
    }

    /**
     * While the launcher makes itself a reaper. The ash of busybox has a readlink of its own, so nothing can
     * hold it up.
     */
    @Test
    void holdsSignalsThatComeBeforeThereIsAService() throws Exception {
        Path fifo = fifo();
        Path readlink = executable(
                Files.createDirectory(directory.resolve("bin")).resolve("readlink"),
                "echo readlink begins >&2\nread never < " + fifo + "\nexec " + Tools.find("readlink") + " \"$@\"");
        Files.createFile(directory.resolve("handlers"));
        try (Service service = Service.command(directory, command(DASH, slowService()))
                .environment("PATH", readlink.getParent() + ":" + System.getenv("PATH"))
                .start()) {
            service.awaitLog("readlink begins");
            launcher(service, "HUP");
            Files.writeString(fifo, "\n");
            service.awaitServing(2);
        }
    }

    /** As on a full disk. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void forwardsAStopThatCannotBeNoted(String shell) throws Exception {
        try (Service service = foreground(shell).startAndAwait()) {
            Path note = Files.createDirectory(directory.resolve("service.pid.signalled"));
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
            Files.delete(note);
        }
    }

    /** Whoever can write the PID file must not decide who else is signalled. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void neverSignalsAProcessOfOthers(String shell) throws Exception {
        Process stranger = new ProcessBuilder("sleep", "1000").start();
        try (Service service = foreground(shell).startAndAwait()) {
            String own = Files.readString(service.pidFile()); // first, so that the launcher has seen that
            for (String text : List.of(own, "1", "-1", "0", "", "rubbish", "99999999999", stranger.pid() + "")) {
                Files.writeString(service.pidFile(), text);
                String before = service.log();
                launcher(service, "USR1");
                Await.until("signalled", () -> service.log().length() > before.length(), service::log);
            }
            assertTrue(stranger.isAlive());
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
        } finally {
            stranger.destroyForcibly().waitFor();
        }
    }

    /** In a container the numbers of a former life come again. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void removesAPidFileThatWasLeftBehind(String shell) throws Exception {
        Path pidFile = Files.writeString(directory.resolve("service.pid"), "1");
        try (Service service =
                Service.command(directory, command(shell, "sleep", "1000")).start()) {
            Await.until("removed", () -> !Files.exists(pidFile), service::log);
        }
    }

    /** What a service leaves behind may become the service, but not for ever. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void endsWhatIsLeftWhenThatDoesNotBecomeTheService(String shell) throws Exception {
        String[] command = command(shell, "-g", "1", "sh", "-c", "sleep 1000 & exit 7");
        try (Service service = Service.command(directory, command).start()) {
            assertEquals(7, end(service), service::log);
            service.awaitLog("does not become the service within 1 s");
            service.awaitProcesses(0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void saysWhatItLacks(String shell) throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "");
        String pidFile = directory.resolve("pid").toString();
        String exit = "exit 3"; // goes on without it
        assertEnds(3, "no PID file can be written at " + file + "/pid", shell, "-p", file + "/pid", "sh", "-c", exit);
        assertEnds(64, "usage:", shell);
        assertEnds(64, "usage:", shell, "true");
        assertEnds(64, "usage:", shell, "-p", pidFile);
        assertEnds(64, "usage:", shell, "-p", pidFile, "-g", "soon", "true");
        assertEnds(64, "usage:", shell, "-p", pidFile, "-g", "08", "true");
        assertEnds(127, "no process of the service is left", shell, "-p", pidFile, "/no/such/program");
        assertEnds(0, "no process of the service is left", shell, "-p", pidFile, "true");
        assertFalse(Files.exists(Path.of(pidFile)), "nothing is left");
        assertFalse(Files.exists(Path.of(pidFile + ".launcher")), "nothing is left");
    }

    private static void assertEnds(int status, String message, String shell, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(shell.split(" ")));
        command.add(script());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(status, process.waitFor(), output);
        assertTrue(output.contains("tableflip-launcher: " + message), output);
    }

    // ---- a JVM

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void upgradesAndStopsAJvm(String shell) throws Exception {
        try (Service service = builder(shell).under(hearingQuit()).startAndAwait()) {
            for (int generation = 2; generation <= 3; generation++) {
                long old = service.pid();
                launcher(service, "HUP");
                service.awaitServing(generation);
                service.awaitGone(old);
                service.awaitLog("process " + service.pid() + " can be upgraded now");
            }
            launcher(service, "QUIT");
            service.awaitLog("Full thread dump");
            launcher(service, "TERM");
            assertEquals(0, end(service), service::log);
            service.awaitMatch("generation 3 \\(pid \\d+\\) is done");
            assertEquals(List.of(), service.processes());
        }
    }

    /** It would end with 129, or have no handler of the library and end with the same. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void anUpgradeThatIsAskedForWhileTheFirstJvmStartsComesAfterThat(String shell) throws Exception {
        try (Service service = builder(shell).start()) {
            Await.until(
                    "a JVM starts",
                    () -> service.processes().stream().anyMatch(pid -> Proc.runs(pid, "java")),
                    service::log);
            launcher(service, "HUP");
            service.awaitLog("SIGHUP is held");
            service.awaitServing(2);
        }
    }

    /** A JVM that a shell has started in the background does not hear of SIGINT, and busybox's env cannot change that. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void anInterruptThatCannotBeForwardedIsAStop(String shell) throws Exception {
        Path bin = Files.createDirectory(directory.resolve("bin"));
        executable(bin.resolve("env"), "exit 1");
        try (Service service = builder(shell)
                .environment("PATH", bin + ":" + System.getenv("PATH"))
                .startAndAwait()) {
            launcher(service, "INT");
            assertEquals(0, end(service), service::log);
            service.awaitMatch("generation 1 \\(pid \\d+\\) is done");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aStopWhileTheOldProcessDrainsWaitsForBoth(String shell) throws Exception {
        try (Service service = jvm(shell, "--drain-timeout", "5m", "--ready-after", "0s")) {
            long old = service.pid();
            try (Socket client = client(service)) {
                launcher(service, "HUP");
                Await.until("a successor", () -> service.pid() != old, service::log);
                launcher(service, "TERM");
                service.awaitMatch("generation 2 \\(pid \\d+\\) is done");
                assertTrue(service.first().isAlive(), service::log);
                assertTrue(answer(client).contains("\"generation\":1,"));
            }
            assertEquals(0, end(service), service::log);
            assertEquals(List.of(), service.processes(), service::log);
        }
    }

    /** The PID file does not name the successor yet: it is waited for. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aSuccessorCarriesOnWhenTheOldProcessIsKilled(String shell) throws Exception {
        try (Service service = jvm(shell, "--ready-after", "5m")) {
            try (Socket client = client(service)) {
                launcher(service, "HUP");
                service.awaitMatch("generation 2 \\(pid \\d+\\) accepts connections");
                service.signal("KILL", service.pid());
                service.awaitServing(2);
                assertTrue(client.isConnected());
            }
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":2,"));
            launcher(service, "TERM");
            assertEquals(0, end(service), service::log);
            service.awaitMatch("generation 2 \\(pid \\d+\\) is done");
        }
    }

    /** A terminal signals all processes of its foreground, and a second signal would end the drain at once. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void ctrlCInATerminalStopsOnce(String shell) throws Exception {
        Tools.assumeInstalled("socat");
        Path script = executable(
                directory.resolve("start"),
                "exec " + String.join(" ", command(shell, TestJvm.exampleCommand()))
                        + " http --listen 127.0.0.1:0 --pid-file " + directory.resolve("service.pid"));
        Path keys = directory.resolve("keys");
        Commands.run("mkfifo", keys.toString());
        String socat = "exec socat - EXEC:" + script + ",pty,setsid,ctty,sane <> " + keys;
        try (Service service = Service.command(directory, "sh", "-c", socat).startAndAwait()) {
            try (Socket client = client(service)) {
                Files.writeString(keys, "\003");
                service.awaitLog("] stop");
                // a second signal would come with the first
                assertTrue(answer(client).contains("\"generation\":1,"));
            }
            service.awaitMatch("the last was process \\d+ \\(status 0\\)");
            assertFalse(service.log().contains("again"), service::log);
        }
    }

    // ----

    private Service.Builder foreground(String shell) throws IOException {
        return Service.command(directory, command(shell, shellService()));
    }

    private Service jvm(String shell, String... options) throws IOException {
        return builder(shell, options).startAndAwait();
    }

    private Service.Builder builder(String shell, String... options) {
        return Service.example(directory)
                .launcher(command(shell, Service.java()))
                .arguments(options);
    }

    private static Path executable(Path file, String text) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + text + "\n");
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
