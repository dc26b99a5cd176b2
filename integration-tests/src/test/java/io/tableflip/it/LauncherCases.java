package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the launcher does wherever orphans go to it: the tests, and what they need. Under the shells that most images have. */
abstract class LauncherCases {
    static final String DASH = "dash";
    static final String ASH = "busybox ash";

    /** With which the service that is a shell script ends when it is stopped. */
    static final int STATUS = 5;

    private static final int KILLED = 128 + 9;

    @TempDir
    Path directory;

    /** In such a place; skips the test where there is none. */
    abstract Service.Builder placed(Service.Builder service);

    // ---- a service that is a shell script

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void passesTheStatusOfTheOnlyProcess(String shell) throws Exception {
        try (Service service = start(shell)) {
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
            service.awaitProcesses(0);
        }
    }

    @ParameterizedTest
    @CsvSource({DASH + ", 5", DASH + ", 0", ASH + ", 5", ASH + ", 0"})
    void passesTheStatusOfAProcessThatIsNotItsChild(String shell, int status) throws Exception {
        try (Service service = start(shell)) {
            upgradeTwice(service);
            Files.writeString(directory.resolve("end"), Integer.toString(status));
            endUnwatched(service, "TERM");
            assertEquals(status, end(service), service::log);
            service.awaitLog("no process of the service is left");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void passesTheSignalThatEndsAProcessWhichIsNotItsChild(String shell) throws Exception {
        try (Service service = start(shell)) {
            upgradeTwice(service);
            endUnwatched(service, "KILL");
            assertEquals(KILLED, end(service), service::log);
        }
    }

    /** The process that watches has a moment to look in: the successor is there for as long as nobody collects it. */
    private static void endUnwatched(Service service, String signal) {
        long watching = awaitWatching(service);
        long last = pid(service);
        service.signal("STOP", watching);
        service.signal(signal, last);
        awaitOrphan(service, last);
        service.signal("CONT", watching);
    }

    /** Until it has ended, and its parent too. */
    private static void awaitOrphan(Service service, long pid) {
        Await.until(
                "zombie " + pid + " of the launcher",
                () -> Proc.zombies(launcher(service)).contains(pid),
                () -> Proc.zombies(launcher(service)) + "\n" + service.log());
    }

    /** As processes do that are no JVM with the library. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aStatusThatNobodyCanTellIsAFailure(String shell) throws Exception {
        try (Service service = start(shell)) {
            endsAsNobodySees(service);
            assertEquals(1, end(service), service::log);
            service.awaitLog("its status is unknown: its parent has collected it");
        }
    }

    /** The second generation ends with 0, is collected by the first one, and then that ends. */
    void endsAsNobodySees(Service service) throws IOException {
        Path drains = Files.createFile(directory.resolve("drains"));
        Files.createFile(directory.resolve("collects"));
        Files.writeString(directory.resolve("end"), "0");
        launcher(service, "HUP");
        service.awaitServing(2);
        long last = pid(service);
        service.awaitLog("process " + service.pid() + " is the service now");
        long watching = awaitWatching(service);
        service.signal("STOP", watching);
        launcher(service, "TERM");
        Await.until("collected", () -> Proc.state(last) == 'X', service::log);
        Files.delete(drains);
        service.signal("CONT", watching);
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void forwardsSignalsToTheProcessThatIsTheServiceNow(String shell) throws Exception {
        Commands.run("env", "--default-signal=INT,QUIT", "true"); // or SIGINT would become SIGTERM
        try (Service service = placed(Service.command(directory, command(shell, shellService()))
                        .under(hearingQuit()))
                .startAndAwait()) {
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

    /** Such a signal would end it. Two of a kind ask for the same. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void holdsSignalsUntilTheServiceHasWrittenItsPidFile(String shell) throws Exception {
        try (Service service = placed(Service.command(directory, command(shell, slowService())))
                .start()) {
            service.awaitLog("no handlers yet");
            launcher(service, "HUP");
            service.awaitLog("SIGHUP is held: " + service.pidFile() + " does not name a process of the service yet");
            launcher(service, "HUP");
            launcher(service, "USR1");
            service.awaitLog("SIGUSR1 is held");
            Files.createFile(directory.resolve("handlers"));
            service.awaitServing(2);
            service.awaitLog("generation 1 got USR1");
            service.awaitLog("process " + service.pid() + " is the service now");
            launcher(service, "TERM");
            assertEquals(STATUS, end(service), service::log);
            assertEquals(2, service.log().split("SIGHUP (is|was) held", -1).length - 1, service::log);
        }
    }

    /** It begins without handlers. */
    String[] slowService() throws IOException {
        String handlers = "until [ -e \"$2/handlers\" ]; do sleep 0.1; done; exec \"$@\"";
        String[] service = shellService();
        return new String[] {"sh", "-c", "echo no handlers yet; " + handlers, "sh", service[0], service[1]};
    }

    /** What it is told while there is nobody to tell reaches the successor. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aSignalBetweenTheDeathOfTheOldProcessAndItsSuccessorIsHeldForThat(String shell) throws Exception {
        Path hold = Files.createFile(directory.resolve("hold"));
        try (Service service = placed(Service.command(directory, command(shell, shellService()))
                        .under(hearingQuit()))
                .startAndAwait()) {
            long first = pid(service);
            String named = Files.readString(service.pidFile()).strip();
            launcher(service, "HUP");
            service.awaitLog("generation 2 is held");
            service.signal("KILL", first);
            service.awaitGone(first);
            launcher(service, "HUP");
            service.awaitLog("SIGHUP is held: process " + named + " has exited");
            launcher(service, "QUIT");
            service.awaitLog("SIGQUIT is not forwarded: process " + named + " has exited");
            Files.delete(hold);
            service.awaitServing(3);
        }
    }

    /** As of a framework that keeps the same file, or by a cleaner. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void forwardsWhenThePidFileHasVanished(String shell) throws Exception {
        try (Service service = start(shell)) {
            upgradeTwice(service);
            service.awaitLog("process " + service.pid() + " is the service now");
            Files.delete(service.pidFile());
            launcher(service, "USR1");
            service.awaitLog("generation 3 got USR1");
        }
    }

    /** The service writes it again. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aPidFileThatHasVanishedBeforeItWasReadIsWaitedFor(String shell) throws Exception {
        try (Service service = start(shell)) {
            long watching = awaitWatching(service);
            long first = pid(service);
            service.signal("STOP", watching);
            launcher(service, "HUP");
            service.awaitServing(2);
            String text = Files.readString(service.pidFile());
            Files.delete(service.pidFile());
            service.awaitGone(first);
            service.signal("CONT", watching);
            launcher(service, "HUP");
            service.awaitLog("SIGHUP is held: process ");
            Files.writeString(service.pidFile(), text);
            service.awaitServing(3);
        }
    }

    /** It is not named yet, and nobody else is there. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void aStopBetweenTheDeathOfTheOldProcessAndItsSuccessorCountsForThat(String shell) throws Exception {
        Path hold = Files.createFile(directory.resolve("hold"));
        try (Service service = start(shell)) {
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
        try (Service service = start(shell)) {
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

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void leavesNoZombies(String shell) throws Exception {
        try (Service service = start(shell)) {
            long launcher = launcher(service);
            upgradeTwice(service);
            Await.until("no zombies", () -> Proc.zombies(launcher).isEmpty(), service::log);
            assertTrue(Proc.isRunning(pid(service)), service::log);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void goesOnWhenTheProcessThatWatchesIsKilled(String shell) throws Exception {
        try (Service service = start(shell)) {
            long watching = awaitWatching(service);
            service.signal("KILL", watching);
            service.awaitGone(watching);
            awaitWatching(service); // which may have a lower number
            upgradeTwice(service);
            service.signal("KILL", pid(service));
            assertEquals(KILLED, end(service), service::log);
        }
    }

    // ---- a JVM

    /** The old process has seen how it ended, and would be the only one if it had reaped it. */
    @ParameterizedTest
    @ValueSource(strings = {DASH, ASH})
    void passesTheStatusOfASuccessorThatEndsWhileTheOldProcessDrains(String shell) throws Exception {
        try (Service service = jvmThatDrains(shell);
                Socket client = client(service)) {
            Files.writeString(directory.resolve("status.2"), Integer.toString(STATUS));
            launcher(service, "HUP");
            service.awaitServing(2);
            launcher(service, "TERM");
            service.awaitLog("the new process has ended (exit status " + STATUS);
            answer(client);
            assertEquals(STATUS, end(service), service::log);
        }
    }

    /** Nobody has seen it alive, and it ends in order, which would remove the PID file. */
    @ParameterizedTest
    @CsvSource({DASH + ", TERM, 5", DASH + ", KILL, 137", ASH + ", TERM, 5", ASH + ", KILL, 137"})
    void passesTheStatusOfASuccessorThatComesAndGoesUnseen(String shell, String signal, int status) throws Exception {
        try (Service service = jvmThatDrains(shell);
                Socket client = client(service)) {
            long watching = awaitWatching(service);
            service.signal("STOP", watching);
            Files.writeString(directory.resolve("status.2"), Integer.toString(STATUS));
            launcher(service, "HUP");
            service.awaitServing(2);
            long last = pid(service);
            service.signal(signal, last);
            service.awaitLog("the new process has ended");
            answer(client);
            awaitOrphan(service, last);
            service.signal("CONT", watching);
            assertEquals(status, end(service), service::log);
            assertFalse(Files.exists(service.pidFile()), "removed in the end");
        }
    }

    private Service jvmThatDrains(String shell) throws IOException {
        return placed(Service.testServer(directory)
                        .launcher(command(shell, Service.java()))
                        .arguments("--drain-timeout", "300000", "--ready-after", "0"))
                .startAndAwait();
    }

    // ---- what they need

    private Service start(String shell) throws IOException {
        return placed(Service.command(directory, command(shell, shellService())))
                .startAndAwait();
    }

    String[] shellService() throws IOException {
        Files.writeString(directory.resolve("end"), Integer.toString(STATUS));
        return new String[] {
            Service.projectFile("integration-tests/src/test/launcher/service.sh")
                    .toString(),
            directory.toString()
        };
    }

    /** The launcher with a command, run by a shell. */
    String[] command(String shell, String... command) {
        List<String> words = new ArrayList<>(List.of(shell.split(" ")));
        Tools.assumeInstalled(words.get(0));
        words.set(0, Tools.find(words.get(0)).toString()); // the command may have a PATH of its own
        words.addAll(List.of(script(), "-p", directory.resolve("service.pid").toString()));
        words.addAll(List.of(command));
        return words.toArray(String[]::new);
    }

    static String script() {
        return Service.projectFile("tableflip-core/src/main/resources/io/tableflip/core/tableflip-launcher.sh")
                .toString();
    }

    /** Under which a command hears of SIGQUIT: the threads of a JVM block it, and what one before Java 25 starts does so too. */
    static String[] hearingQuit() {
        Tools.assumeInstalled("perl");
        String unblock = "sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGQUIT)); exec @ARGV or die";
        return new String[] {"perl", "-MPOSIX", "-e", unblock, "--"};
    }

    static void upgradeTwice(Service service) {
        for (int generation = 2; generation <= 3; generation++) {
            long old = pid(service);
            launcher(service, "HUP");
            service.awaitServing(generation);
            service.awaitGone(old);
        }
    }

    /** The process that the PID file names, perhaps by its number in a namespace, as seen from here. */
    static long pid(Service service) {
        long named = service.pid();
        return service.processes().stream()
                .filter(pid -> Proc.idInside(pid) == named)
                .findFirst()
                .orElseThrow(() -> new AssertionError(named + " has gone\n" + service.log()));
    }

    static long launcher(Service service) {
        long first = service.first().pid();
        return Proc.runs(first, "unshare") ? Proc.children(first).get(0) : first;
    }

    static void launcher(Service service, String signal) {
        service.signal(signal, launcher(service));
    }

    /** The launcher's child that is the same program, with the same arguments, and has a child in turn: it sleeps by one. */
    static long awaitWatching(Service service) {
        long launcher = launcher(service);
        AtomicLong watching = new AtomicLong();
        Await.until(
                "a process watches",
                () -> {
                    List<String> command = Proc.commandLine(launcher);
                    Proc.children(launcher).stream()
                            .filter(pid -> Proc.commandLine(pid).equals(command)
                                    && !Proc.children(pid).isEmpty())
                            .forEach(watching::set);
                    return watching.get() != 0;
                },
                service::log);
        return watching.get();
    }

    static int end(Service service) throws InterruptedException {
        boolean ended = service.first().waitFor(Await.LIMIT.toSeconds(), TimeUnit.SECONDS);
        assertTrue(ended, service::log);
        return service.first().exitValue();
    }

    /** A connection that was used, so that its process drains until it is asked once more. */
    static Socket client(Service service) throws IOException {
        InetSocketAddress address = service.address();
        Socket socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout((int) Await.LIMIT.toMillis());
        answer(socket);
        return socket;
    }

    static String answer(Socket client) throws IOException {
        Http.request(client, "/", "");
        return Http.readOne(client.getInputStream());
    }
}
