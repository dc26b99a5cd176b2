package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The launcher of containers without a container: in the foreground, and as process 1 of a namespace, under the shells that most images
 * have.
 */
@Tag("root")
@Tag("tools")
class LauncherIT {
    private static final String DASH = "dash";
    private static final String ASH = "busybox ash";

    /** With which the service that is a shell script ends when it is stopped. */
    private static final int STATUS = 5;

    private static final int KILLED = 128 + 9;

    /** The threads of a JVM block SIGQUIT, and what one before Java 25 starts does so too. */
    private static final List<String> HEARING_QUIT = List.of(
            "perl", "-MPOSIX", "-e", "sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGQUIT)); exec @ARGV or die", "--");

    @TempDir
    Path directory;

    // ---- a service that is a shell script

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void passesTheStatusOfTheOnlyProcess(String shell) throws Exception {
        try (Service service = foreground(shell)) {
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
            assertEquals(List.of(), service.processes(), service::log);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void passesTheStatusOfAProcessThatIsNotItsChild(String shell) throws Exception {
        try (Service service = processOne(shell)) {
            upgradeTwice(service);
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
            service.awaitLog("no process of the service is left");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void passesTheSignalThatEndsAProcessWhichIsNotItsChild(String shell) throws Exception {
        try (Service service = processOne(shell)) {
            upgradeTwice(service);
            service.signal("KILL", pid(service));
            assertEquals(KILLED, end(service), service::log);
        }
    }

    /** Where another process reaps, only that one is sure to see the status. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void inTheForegroundASuccessorThatIsKilledIsAFailureAtLeast(String shell) throws Exception {
        try (Service service = foreground(shell)) {
            upgradeTwice(service);
            service.signal("KILL", pid(service));
            int status = end(service);
            assertTrue(status == 1 || status == KILLED, () -> status + "\n" + service.log());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void forwardsSignalsToTheProcessThatIsTheServiceNow(String shell) throws Exception {
        Commands.run("env", "--default-signal=INT,QUIT", "true"); // or SIGINT would become SIGTERM
        try (Service service = processOne(shell)) {
            for (String name : List.of("INT", "QUIT", "USR1")) {
                launcher(service, name);
                service.awaitLog("generation 1 got " + name);
            }
            upgradeTwice(service);
            launcher(service, "USR1");
            service.awaitLog("generation 3 got USR1");
            launcher(service, "USR2"); // any signal ends it after that
            long last = pid(service);
            Await.until("it sleeps", () -> !Proc.runs(last, "dash"), service::log);
            launcher(service, "HUP");
            assertEquals(128 + 1, end(service), service::log);
        }
    }

    /** It is not named yet, and nobody else is there. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aStopBetweenTheDeathOfTheOldProcessAndItsSuccessorCountsForThat(String shell) throws Exception {
        Path hold = Files.createFile(directory.resolve("hold"));
        try (Service service = processOne(shell)) {
            long first = pid(service);
            launcher(service, "HUP");
            service.awaitLog("generation 2 is held");
            service.signal("KILL", first);
            service.awaitGone(first);
            launcher(service, "TERM");
            Files.delete(hold);
            assertEquals(STATUS, end(service), service::log);
            service.awaitServing(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aStopThatTheOldProcessHasNotHeededCountsForItsSuccessor(String shell) throws Exception {
        Path hold = Files.createFile(directory.resolve("hold"));
        Path deaf = Files.createFile(directory.resolve("deaf"));
        try (Service service = processOne(shell)) {
            launcher(service, "HUP");
            service.awaitLog("generation 2 is held");
            launcher(service, "TERM");
            service.awaitLog("generation 1 is deaf to TERM");
            launcher(service, "USR1"); // changes nothing about that
            service.awaitLog("generation 1 got USR1");
            Files.delete(deaf);
            Files.delete(hold);
            assertEquals(STATUS, end(service), service::log);
            service.awaitServing(2);
        }
    }

    /** As on a full disk. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void forwardsAStopThatCannotBeNoted(String shell) throws Exception {
        try (Service service = foreground(shell)) {
            Path note = Files.createDirectory(directory.resolve("service.pid.signalled"));
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
            Files.delete(note);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void leavesNoZombies(String shell) throws Exception {
        try (Service service = processOne(shell)) {
            long launcher = launcher(service);
            upgradeTwice(service);
            Await.until("no zombies", () -> Proc.zombies(launcher).isEmpty(), service::log);
            assertTrue(Proc.isRunning(pid(service)), service::log);
        }
    }

    /** Whoever can write the PID file must not decide who else is signalled. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void neverSignalsAProcessOfOthers(String shell) throws Exception {
        Process stranger = new ProcessBuilder("sleep", "1000").start();
        try (Service service = foreground(shell)) {
            for (String text : List.of("1", "-1", "0", "", "rubbish", "99999999999", stranger.pid() + "")) {
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

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void goesOnWhenTheProcessThatWatchesIsKilled(String shell) throws Exception {
        try (Service service = processOne(shell)) {
            long watching = awaitWatching(service);
            service.signal("KILL", watching);
            service.awaitGone(watching);
            awaitWatching(service); // which may have a lower number
            upgradeTwice(service);
            service.signal("KILL", pid(service));
            assertEquals(KILLED, end(service), service::log);
        }
    }

    /** The launcher's child that is the same program, with the same arguments, and has a child in turn: it sleeps by one. */
    private static long awaitWatching(Service service) {
        long launcher = launcher(service);
        List<String> command = Proc.commandLine(launcher);
        AtomicLong watching = new AtomicLong();
        Await.until(
                "a process watches",
                () -> {
                    Proc.children(launcher).stream()
                            .filter(pid -> Proc.commandLine(pid).equals(command)
                                    && !Proc.children(pid).isEmpty())
                            .forEach(watching::set);
                    return watching.get() != 0;
                },
                service::log);
        return watching.get();
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
        try (Service service = jvm(shell)) {
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
                "exec " + String.join(" ", words(shell, Service.java(), "-jar")) + " " + Service.examplesJar()
                        + " http --listen 127.0.0.1:0 --pid-file " + directory.resolve("service.pid"));
        Path keys = directory.resolve("keys");
        Commands.run("mkfifo", keys.toString());
        String socat = "exec socat - EXEC:" + script + ",pty,setsid,ctty,sane <> " + keys;
        try (Service service = Service.command(directory, "sh", "-c", socat).startAndAwait()) {
            try (Socket client = client(service)) {
                Files.writeString(keys, "\003");
                service.awaitLog("INFO stop");
                // a second signal would come with the first
                assertTrue(answer(client).contains("\"generation\":1,"));
            }
            service.awaitMatch("the last was process \\d+ \\(status 0\\)");
            assertFalse(service.log().contains("again"), service::log);
        }
    }

    // ----

    private Service foreground(String shell) throws IOException {
        return Service.command(directory, command(shell, shellService())).startAndAwait();
    }

    /** As in a container: with a process table of its own. */
    private Service processOne(String shell) throws IOException {
        assumeTrue(
                Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0),
                "it takes root to have a process table of its own");
        List<String> command =
                new ArrayList<>(List.of("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"));
        command.addAll(List.of(command(shell, shellService())));
        return Service.command(directory, command.toArray(String[]::new)).startAndAwait();
    }

    private String[] shellService() throws IOException {
        Files.writeString(directory.resolve("end"), Integer.toString(STATUS));
        return new String[] {
            Service.projectFile("integration-tests/src/test/launcher/service.sh")
                    .toString(),
            directory.toString()
        };
    }

    private Service jvm(String shell, String... options) throws IOException {
        return builder(shell, options).startAndAwait();
    }

    private Service.Builder builder(String shell, String... options) {
        return Service.example(directory)
                .launcher(command(shell, Service.java()))
                .arguments(options);
    }

    private String[] command(String shell, String... command) {
        List<String> words = new ArrayList<>(HEARING_QUIT);
        words.addAll(words(shell, command));
        return words.toArray(String[]::new);
    }

    private List<String> words(String shell, String... command) {
        List<String> words = new ArrayList<>(List.of(shell.split(" ")));
        Tools.assumeInstalled(words.get(0));
        words.addAll(List.of(script(), "-p", directory.resolve("service.pid").toString()));
        words.addAll(List.of(command));
        return words;
    }

    private static String script() {
        return Service.projectFile("tableflip-core/src/main/resources/io/tableflip/core/tableflip-launcher.sh")
                .toString();
    }

    private static Path executable(Path file, String text) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + text + "\n");
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static void upgradeTwice(Service service) {
        for (int generation = 2; generation <= 3; generation++) {
            long old = pid(service);
            launcher(service, "HUP");
            service.awaitServing(generation);
            service.awaitGone(old);
        }
    }

    /** The process that the PID file names, perhaps by its number in a namespace, as seen from here. */
    private static long pid(Service service) {
        long named = service.pid();
        return service.processes().stream()
                .filter(pid -> Proc.idInside(pid) == named)
                .findFirst()
                .orElseThrow(() -> new AssertionError(named + " has gone\n" + service.log()));
    }

    private static long launcher(Service service) {
        long first = service.first().pid();
        return Proc.runs(first, "unshare") ? Proc.children(first).get(0) : first;
    }

    private static void launcher(Service service, String signal) {
        service.signal(signal, launcher(service));
    }

    private static int end(Service service) throws InterruptedException {
        boolean ended = service.first().waitFor(Await.LIMIT.toSeconds(), TimeUnit.SECONDS);
        assertTrue(ended, service::log);
        return service.first().exitValue();
    }

    /** A connection that was used, so that its process drains until it is asked once more. */
    private static Socket client(Service service) throws IOException {
        InetSocketAddress address = service.address();
        Socket socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
        answer(socket);
        return socket;
    }

    private static String answer(Socket client) throws IOException {
        Http.request(client, "/", "");
        return Http.readOne(client.getInputStream());
    }
}
