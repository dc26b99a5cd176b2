package io.tableflip.ctl;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.lifecycle.Service;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.observe.UpgradeRecord;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command line, on real processes. */
class CtlTest {
    private final Path directory;
    private final Path pidFile;

    CtlTest(@TempDir Path directory) {
        this.directory = directory;
        pidFile = directory.resolve("app.pid");
    }

    private record Result(int status, String output) {
        Result {
            output = output.strip();
        }

        void assertIs(int expected, String regex) {
            assertEquals(expected, status, output);
            assertTrue(output.matches("(?s)" + regex), output);
        }
    }

    private static Result run(String... args) throws InterruptedException {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        PrintStream both = new PrintStream(output, true, UTF_8);
        int status = Ctl.run(List.of(args), both, both);
        return new Result(status, output.toString(UTF_8));
    }

    private Result ctl(String command, String... more) throws InterruptedException {
        List<String> args = new ArrayList<>(List.of("ctl", command, "--pid-file", pidFile.toString()));
        args.addAll(List.of(more));
        return run(args.toArray(String[]::new));
    }

    private Service start(String... options) throws Exception {
        Service.Start start = new Service.Start().option("pid", pidFile);
        for (String option : options) {
            start.option(option.substring(0, option.indexOf('=')), option.substring(option.indexOf('=') + 1));
        }
        Service service = start.go();
        awaitStatus("serving: generation 1 .*");
        return service;
    }

    private void awaitStatus(String regex) throws Exception {
        Await.until("status " + regex, () -> ctl("status").output.matches("(?s)" + regex));
    }

    @Test
    void anUpgradeReturnsWhenTheOldProcessHasGone() throws Exception {
        try (Service service = start()) {
            ctl("status")
                    .assertIs(
                            0,
                            "serving: generation 1 \\(pid " + service.pid()
                                    + "\\), the service since \\S+Z\nno upgrade was requested since");
            for (int generation = 2; generation <= 4; generation++) {
                long old = Long.parseLong(Files.readString(pidFile));
                ctl("upgrade")
                        .assertIs(
                                0,
                                "upgraded in \\d+ ms: generation " + generation
                                        + " \\(pid \\d+\\) is the service, generation " + (generation - 1) + " \\(pid "
                                        + old
                                        + "\\) has ended");
                assertTrue(new ProcFs().startTime(old).isEmpty(), "the old process has gone");
                ctl("status").assertIs(0, "serving: generation " + generation + " .*");
            }
            service.stop(Long.parseLong(Files.readString(pidFile)));
            assertEquals(0, directory.toFile().list().length);
            ctl("status").assertIs(3, "not running: there is no PID file " + pidFile);
            ctl("upgrade").assertIs(3, "not running: there is no PID file " + pidFile);
        }
    }

    @Test
    void anUpgradeThatFailsSaysWhy() throws Exception {
        try (Service service = start("gen2=report")) {
            String why = "bind 0.0.0.0:9090: Address already in use";
            for (int i = 0; i < 2; i++) {
                ctl("upgrade")
                        .assertIs(
                                1,
                                "upgrade failed after \\d+ ms, generation 1 \\(pid " + service.pid() + "\\) serves on: "
                                        + why);
            }
            ctl("status").assertIs(0, "serving: .*\nlast upgrade: begun at \\S+, failed after \\d+ ms: " + why);
        }
    }

    /** A request during an upgrade that fails: its own upgrade follows in the same process. */
    @Tag("slow")
    @Test
    void aRequestDuringAnUpgradeThatFailsIsFollowed() throws Exception {
        try (Service service = start("gen2=hang")) {
            service.hangUp(service.pid());
            awaitStatus("serving: generation 1 .*\nupgrade in progress since \\S+: generation 2 \\(pid \\d+\\) starts");
            long first = service.awaitPid(2, "hangs");
            CompletableFuture<Result> request = CompletableFuture.supplyAsync(this::upgradeUnchecked);
            awaitStatus(".*\nan upgrade was requested at \\S+ and begins later: another upgrade is in progress");
            service.kill(first, Service.SIGKILL);
            Await.until("another child", () -> child() != 0 && child() != first);
            assertFalse(request.isDone());
            service.kill(child(), Service.SIGKILL);
            Await.get(request).assertIs(1, "upgrade failed after .*generation 1 .* serves on: .*");
        }
    }

    private Result upgradeUnchecked() {
        try {
            return ctl("upgrade");
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The child of the upgrade that is in progress; 0 if there is none. */
    private long child() throws Exception {
        return find().status().stream()
                .flatMap(status -> status.upgrades().stream())
                .filter(upgrade -> upgrade.result() == UpgradeRecord.Result.RUNNING)
                .mapToLong(UpgradeRecord::pid)
                .sum();
    }

    /** What it says when the time has passed, of a service that was found before. */
    private static void assertTimedOut(RunningService found, String regex) throws Exception {
        CtlOutcome outcome = new CtlUpgrade(found, Duration.ZERO, Optional.empty()).run();
        new Result(outcome.status(), outcome.message()).assertIs(4, "not decided within 0 s: " + regex);
    }

    private RunningService find() throws CtlOutcome.Ended, InterruptedException {
        return RunningService.find(pidFile, new Processes(new ProcFs()));
    }

    @Tag("slow")
    @Test
    void anUpgradeThatIsNotDecidedInTime() throws Exception {
        try (Service service = start("gen2=hang")) {
            RunningService found = find();
            service.hangUp(service.pid());
            awaitStatus(".*\nupgrade in progress .*");
            assertTimedOut(found, "generation 1 .* is the service, the upgrade is in progress");
        }
    }

    @Tag("slow")
    @Test
    void anOldProcessThatDrainsForLong() throws Exception {
        Path drain = directory.resolve("drained");
        try (Service service = start("drain=" + drain)) {
            RunningService found = find();
            service.hangUp(service.pid());
            awaitStatus("serving: generation 2 .*\nits parent \\(pid " + service.pid()
                    + "\\) still finishes \\d+ connections?, for \\d+ s more at most\n.*");
            assertTimedOut(found, "generation 2 .* is the service, generation 1 .* still finishes its connections");
            CompletableFuture<Result> request = CompletableFuture.supplyAsync(this::upgradeUnchecked);
            awaitStatus(".*\nan upgrade was requested at \\S+ and begins later: the parent has not exited yet.*");
            assertTrue(ctl("status", "--json").output.contains("\"result\":\"DEFERRED\""));
            Files.createFile(drain);
            Await.get(request).assertIs(0, "upgraded in .*: generation 3 .* is the service, generation 2 .* has ended");
            awaitStatus(
                    "serving: generation 3 .*\nlast upgrade: succeeded at \\S+, this process has replaced process .*");
        }
    }

    @Tag("slow")
    @Test
    void aServiceThatIsKilledMeanwhileWasNotUpgraded() throws Exception {
        try (Service service = start("gen2=hang")) {
            Thread killer = new Thread(() -> {
                try {
                    long child = service.awaitPid(2, "hangs");
                    service.kill(service.pid(), Service.SIGKILL);
                    service.kill(child, Service.SIGKILL);
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            killer.start();
            Result result = ctl("upgrade");
            killer.join();
            result.assertIs(1, "generation 1 .* has ended, and there is no other: not running: .*");
        }
    }

    @Tag("slow")
    @Test
    void aServiceThatWasStartedAnewWasNotUpgraded() throws Exception {
        try (Service service = start("gen2=hang")) {
            ServiceStatus other = new ServiceStatus(
                    ProcessHandle.current().pid(),
                    new ProcFs().startTime(ProcessHandle.current().pid()).orElseThrow(),
                    1,
                    Instant.now(),
                    0,
                    true,
                    "serving",
                    List.of("HUP"),
                    0,
                    List.of(),
                    null);
            Thread restart = new Thread(() -> {
                try {
                    long child = service.awaitPid(2, "hangs");
                    service.kill(service.pid(), Service.SIGKILL);
                    service.kill(child, Service.SIGKILL);
                    service.awaitEnd();
                    Files.writeString(pidFile, Long.toString(other.pid()));
                    Files.writeString(StatusFile.of(pidFile), other.format());
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            restart.start();
            Result result = ctl("upgrade");
            restart.join();
            result.assertIs(
                    1,
                    "generation 1 .* has ended without a successor; process " + other.pid()
                            + " was started separately.*");
        }
    }

    /** A signal that ends it, and a service manager that starts it again: nothing was upgraded. */
    @Tag("slow")
    @Test
    void aServiceThatItsSignalHasEndedWasNotUpgraded() throws Exception {
        Process service = new ProcessBuilder("sleep", "1000").start();
        try {
            Files.writeString(pidFile, Long.toString(service.pid()));
            long restarted = ProcessHandle.current().pid();
            // whoever looks finds one of its files before the other
            Executor later =
                    CompletableFuture.delayedExecutor(10 * RunningService.LOOK.toMillis(), TimeUnit.MILLISECONDS);
            CompletableFuture<?> restart = service.onExit()
                    .thenRun(() ->
                            write(StatusFile.of(pidFile), serving(restarted, 0).format()))
                    .thenRunAsync(() -> write(pidFile, Long.toString(restarted)), later);
            ctl("upgrade", "--signal", "USR1") // with nohup, SIGHUP ends nothing
                    .assertIs(
                            1,
                            "process " + service.pid() + " has ended without a successor; process " + restarted
                                    + " was.*");
            Await.get(restart);
        } finally {
            service.destroyForcibly();
        }
    }

    private static void write(Path file, String content) {
        try {
            Files.writeString(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ServiceStatus serving(long pid, long requests, UpgradeRecord... upgrades) {
        long started;
        try {
            started = new ProcFs().startTime(pid).orElse(0L);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new ServiceStatus(
                pid, started, 1, Instant.now(), 0, true, "serving", List.of("HUP"), requests, List.of(upgrades), null);
    }

    /** A status file that could not be written for a while has missed what it then tells of. */
    @Tag("slow")
    @Test
    void anOldFailureIsNoneOfThisUpgrade() throws Exception {
        Process service = new ProcessBuilder("sh", "-c", "trap '' HUP; echo ready; exec sleep 1000").start();
        try {
            service.inputReader().readLine();
            long pid = service.pid();
            Files.writeString(pidFile, Long.toString(pid));
            Files.writeString(StatusFile.of(pidFile), serving(pid, 0).format());
            RunningService found = find();
            UpgradeRecord old = new UpgradeRecord(
                    1, Instant.EPOCH, Duration.ofMillis(5), UpgradeRecord.Result.FAILED, 5, "long ago");
            UpgradeRecord running =
                    new UpgradeRecord(2, Instant.now(), Duration.ZERO, UpgradeRecord.Result.RUNNING, 6, "");
            Files.writeString(
                    StatusFile.of(pidFile), serving(pid, 2, old, running).format());
            CtlOutcome outcome = new CtlUpgrade(found, Duration.ofMillis(200), Optional.empty()).run();
            assertEquals(CtlOutcome.TIMED_OUT, outcome.status(), outcome.message());
            UpgradeRecord now =
                    new UpgradeRecord(2, running.began(), Duration.ZERO, UpgradeRecord.Result.FAILED, 6, "just now");
            Files.writeString(StatusFile.of(pidFile), serving(pid, 2, old, now).format());
            outcome = new CtlUpgrade(found, Duration.ofMinutes(1), Optional.empty()).run();
            new Result(outcome.status(), outcome.message()).assertIs(1, "upgrade failed after .*: just now");
        } finally {
            service.destroyForcibly();
        }
    }

    @Test
    void aStatusFileThatIsNone() throws Exception {
        try (Service service = start()) {
            Path status = StatusFile.of(pidFile);
            String good = Files.readString(status);
            Files.writeString(status, good + "x".repeat(2 << 20));
            ctl("status").assertIs(1, "status file cannot be read .*: " + status + " is too long for a status file");
            Files.writeString(status, good.replace("signals=HUP", "signals=9"));
            ctl("upgrade").assertIs(1, "status file cannot be read .*: " + status + " makes no sense: signals=9");
            Files.delete(status);
            Files.createSymbolicLink(status, Files.writeString(directory.resolve("elsewhere"), good));
            ctl("status").assertIs(0, "running: process " + service.pid() + "; it has no status file .*");
            assertFalse(service.has("spawned"), service::toString);
        }
    }

    @Tag("root")
    @Test
    void aStatusFileOfSomebodyElse() throws Exception {
        try (Service service = start()) {
            Path status = StatusFile.of(pidFile);
            Files.setAttribute(status, "unix:uid", 12345);
            ctl("upgrade").assertIs(1, "status file " + status + " belongs to user 12345, .*");
            assertFalse(service.has("spawned"), service::toString);
        }
    }

    @Test
    void aStaleFile() throws Exception {
        try (Service service = start()) {
            long pid = service.pid();
            service.kill(pid, Service.SIGKILL);
            service.awaitEnd();
            service.exitStatus();
            ctl("upgrade").assertIs(3, "not running: PID file \\S+ names process " + pid + ", which has ended");
            // the same id, another process
            Path status = StatusFile.of(pidFile);
            long other = ProcessHandle.current().pid();
            Files.writeString(pidFile, Long.toString(other));
            Files.writeString(status, Files.readString(status).replace("pid=" + pid, "pid=" + other));
            ctl("upgrade")
                    .assertIs(3, "not running: PID file \\S+ is left over, process " + other + " is another one.*");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'', no process id",
        "twelve, no process id",
        "0, no process id",
        "-1, no process id",
        "12 13, no process id"
    })
    void aFileThatIsNoPidFile(String content, String message) throws Exception {
        Files.writeString(pidFile, content);
        ctl("upgrade").assertIs(1, "PID file \\S+ holds " + message);
    }

    @Test
    void aDirectoryInItsPlace() throws Exception {
        Files.createDirectory(pidFile);
        ctl("status").assertIs(1, "PID file \\S+ is not a file");
    }

    @Tag("root")
    @Test
    void aProcessOfSomebodyElseIsNotSignalled() throws Exception {
        try (Service service = start()) {
            Files.setAttribute(pidFile, "unix:uid", 12345);
            Path status = StatusFile.of(pidFile);
            Instant before = Files.getLastModifiedTime(status).toInstant();
            ctl("upgrade")
                    .assertIs(
                            1,
                            "PID file \\S+ belongs to user 12345, but process " + service.pid()
                                    + " to user \\d+: not the service");
            assertEquals(before, Files.getLastModifiedTime(status).toInstant());
            assertFalse(service.has("spawned"), service::toString);
        }
    }

    @Tag("slow")
    @Test
    void aSignalThatWouldEndTheServiceIsNotSent() throws Exception {
        try (Service service = start()) {
            ctl("upgrade", "--signal", "usr2")
                    .assertIs(1, "the service does not upgrade on SIGUSR2, and nothing was sent: it does on \\[HUP]");
            Files.delete(StatusFile.of(pidFile));
            ctl("upgrade").assertIs(1, "there is no status file .*nothing was sent: --signal HUP, if that is it");
            ctl("upgrade", "--signal", "SIGHUP")
                    .assertIs(0, "upgraded in .*is the service, process " + service.pid() + " has ended");
        }
    }

    /** It is written just after the PID file. */
    @Tag("slow")
    @Test
    void aStatusFileThatIsLateIsWaitedFor() throws Exception {
        try (Service service = start()) {
            Path status = StatusFile.of(pidFile);
            Path late = Files.move(status, directory.resolve("late"));
            CompletableFuture<Result> upgrade = CompletableFuture.supplyAsync(() -> {
                try {
                    return ctl("upgrade");
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            Files.move(late, status);
            Await.get(upgrade).assertIs(0, "upgraded in .*, generation 1 \\(pid " + service.pid() + "\\) has ended");
        }
    }

    @Tag("slow")
    @Test
    void whereTheStatusFileCannotBeWrittenThePidFileHasToDo() throws Exception {
        Path status = StatusFile.of(pidFile);
        Files.createDirectories(status.resolve("in the way"));
        try (Service service = new Service.Start().option("pid", pidFile).go()) {
            service.await("g1 p\\d+ ready$");
            Await.until("running", () -> ctl("status").status == 0);
            ctl("status").assertIs(0, "running: process " + service.pid() + "; it has no status file .*");
            ctl("upgrade", "--signal", "HUP")
                    .assertIs(
                            0,
                            "upgraded in \\d+ ms: process \\d+ is the service, process " + service.pid()
                                    + " has ended");
            assertEquals(
                    Set.of("app.pid", "app.pid.status"),
                    Set.of(directory.toFile().list()));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                             | which command\\?",
                "ctl                            | which command\\?",
                "restart                        | unknown command restart",
                "upgrade                        | --pid-file is missing",
                "upgrade --pid-file             | --pid-file needs a value",
                "upgrade --pid-file P --now yes | unknown option --now",
                "status --pid-file P --wait 5s  | unknown option --wait",
                "upgrade --pid-file P --wait 5w | --wait 5w is no time.*",
                "upgrade --pid-file P --wait -1 | --wait -1 is no time.*",
                "upgrade --pid-file P --signal 1 | --signal 1 is no name of a signal"
            })
    void wrongUsage(String args, String message) throws InterruptedException {
        run(args.isEmpty() ? new String[0] : args.split(" ", -1)).assertIs(2, message + "\n\nusage: ctl upgrade .*");
    }

    @Test
    void help() throws InterruptedException {
        run("ctl", "--help").assertIs(0, "usage: ctl upgrade .*");
    }
}
