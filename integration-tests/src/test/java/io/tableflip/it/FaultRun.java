package io.tableflip.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.FailureKind;
import io.tableflip.examples.LoadResult;
import io.tableflip.examples.LoadSample;
import io.tableflip.examples.StrictLoad;
import io.tableflip.it.FaultMatrix.Cell;
import io.tableflip.it.FaultMatrix.Outcome;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One cell of the fault matrix, with real processes and under load: an upgrade, what happens to it, and what became of the service. */
final class FaultRun implements AutoCloseable {
    /** Longer than any timer of a process under test but that of the drain. */
    private static final Duration PAST_EVERY_TIMER = FaultServer.UPGRADE_TIMEOUT.plusSeconds(35);

    private static final Duration TIME_STEP = Duration.ofSeconds(1);
    private static final long TIME_STEP_TAKES = TimeUnit.MILLISECONDS.toNanos(40);

    /** How a request ends that was under way inside a process that was killed. */
    private static final Set<FailureKind> LOST_WITH_PROCESS =
            EnumSet.of(FailureKind.RESET, FailureKind.EOF, FailureKind.PARTIAL, FailureKind.IDLE_BROKEN);

    /** More than the child takes at first. */
    private static final int IDLE = 12;

    private final List<Socket> idle = new ArrayList<>();
    private final Cell cell;
    private final Path directory;
    private final SharedClock clock;
    private final Service service;
    private final InetSocketAddress address;
    private final StrictLoad load;
    private final long parent;
    private @Nullable LoadResult loaded;
    private @Nullable CompletableFuture<String> request;

    /** When the process was gone that was killed; nothing that was sent later is lost with it. */
    private long killed = Long.MIN_VALUE;

    FaultRun(Cell cell, Path directory) throws IOException {
        this.cell = cell;
        this.directory = directory;
        script();
        clock = new SharedClock(directory.resolve("clock"));
        service = Service.program(directory, FaultServer.class.getName())
                .arguments(
                        directory.toString(),
                        Long.toString(cell.step().readyAfterMillis()),
                        Integer.toString(cell.step().names()),
                        Long.toString(drainTimeoutSeconds()),
                        Boolean.toString(cell.step().transfers()))
                .startAndAwait();
        try {
            parent = service.pid();
            address = service.address();
            load = MixedLoad.builder(address)
                    .rate(100)
                    .connections(10)
                    .thinkTimes(Duration.ZERO, Duration.ofMillis(20), Duration.ofMillis(150))
                    .newShare(0.5)
                    .start();
        } catch (IOException | RuntimeException | Error e) {
            service.close();
            throw e;
        }
    }

    @Override
    public void close() {
        closeIdle();
        load.close();
        service.close();
    }

    private void script() throws IOException {
        Files.writeString(directory.resolve("start"), """
                cd '%s'
                echo "$$ script" >> trace
                step=
                if [ -e hold ]; then read -r step < hold; fi
                if [ "$step" = script ]; then read -r go < gate; fi
                exec "$@"
                """.formatted(directory));
        Commands.run("mkfifo", directory.resolve("gate").toString());
    }

    /** As long as no test lasts; but a transfer to a child that stands still must end. */
    private long drainTimeoutSeconds() {
        return cell.step().transfers() && cell.fault() == Fault.STOP_CHILD ? 20 : 3600;
    }

    void run() throws IOException {
        if (cell.step().transfers()) {
            openIdle();
            if (cell.outcome() == Outcome.NOBODY) {
                stopLoad(); // what waits for a held event loop gets no answer
            }
        }
        if (cell.step().isHeldByRequest()) {
            request = Http.start(address, "/until?" + directory.resolve("released"));
            awaitUnderWay();
        }
        reachStep();
        if (cell.outcome() == Outcome.NOBODY) {
            stopLoad();
        }
        happen();
        closeIdle();
        awaitOutcome();
        checkWhatIsLeft();
        if (cell.outcome() != Outcome.NOBODY) {
            goOn();
        }
    }

    /** Connections to transfer that nobody waits for. */
    private void openIdle() throws IOException {
        for (int i = 0; i < IDLE; i++) {
            Socket client = new Socket();
            idle.add(client);
            client.connect(address);
            client.getOutputStream().write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII));
            int read = 0;
            while (read != '}') { // the end of the answer
                read = client.getInputStream().read();
                assertTrue(read >= 0, this::state);
            }
        }
    }

    private void closeIdle() {
        for (Socket client : idle) {
            try {
                client.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** A request on another connection comes after this one on the loops of the server, or on another loop: its head is read soon. */
    private void awaitUnderWay() {
        Http.get(address, "/");
    }

    // ---- to the step

    private void reachStep() throws IOException {
        Files.deleteIfExists(directory.resolve("trace")); // of the start
        if (cell.fault() == Fault.THROW) {
            Files.writeString(
                    directory.resolve("throw"), String.join(" ", cell.step().throwing()));
        } else {
            Files.writeString(directory.resolve("hold"), cell.step().event());
        }
        service.signal("HUP", parent);
        awaitEvent(
                cell.fault() == Fault.THROW
                        ? "throws " + cell.step().throwing().get(0)
                        : cell.step().event());
        if (cell.fault() != Fault.THROW) {
            assertNoneLater();
        }
    }

    private void awaitEvent(String event) {
        Await.until("event " + event, () -> events().contains(event), this::state);
    }

    private void awaitLines(int number, String line) {
        Await.until(
                number + " times " + line,
                () -> trace().stream().filter(line::equals).count() >= number,
                this::state);
    }

    /** Held: what follows has not happened, and will not until it is released. */
    private void assertNoneLater() {
        List<String> events = events();
        cell.step().laterEvents().forEach(later -> assertFalse(events.contains(later), () -> later + " in " + events));
    }

    private List<String> events() {
        return trace().stream()
                .map(line -> line.substring(line.indexOf(' ') + 1))
                .toList();
    }

    private List<String> trace() {
        try {
            Path trace = directory.resolve("trace");
            return Files.exists(trace) ? Files.readAllLines(trace) : List.of();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- what happens

    private void happen() throws IOException {
        Fault fault = cell.fault();
        if (fault == Fault.THROW) {
            release();
            return;
        }
        long target = fault.isToParent() ? parent : child();
        if (fault.isCall()) {
            Files.createFile(directory.resolve("stop." + target));
            awaitLines(1, target + " stop()");
        } else {
            service.signal(fault.signal(), target);
        }
        if (fault.isKill()) {
            service.awaitGone(target);
            killed = System.nanoTime();
        } else if (fault.isFreeze()) {
            Await.until("stopped", () -> Proc.state(target) == 'T', this::state);
            release();
            thaw(target);
        } else if (diesOfSignal()) {
            service.awaitGone(target);
        } else if (!fault.isCall()) {
            awaitLines(target == parent ? 2 : 1, target + " SIGNAL_RECEIVED"); // one began the upgrade
        }
        if (stopComesBeforeCommit()) {
            service.awaitLog("] stop");
        }
        if (endsByItself()) {
            service.awaitGone(target);
        }
        release();
    }

    /** What has run the start script since the signal. (A process that is merely there may be the rehearsal of a spawn.) */
    private long child() {
        return trace().stream()
                .filter(line -> line.endsWith(" script"))
                .map(line -> Long.parseLong(line.substring(0, line.indexOf(' '))))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no child\n" + state()));
    }

    /** A child without handlers for signals. */
    private boolean diesOfSignal() {
        return !cell.fault().signal().isEmpty()
                && !cell.fault().isToParent()
                && cell.step().compareTo(FaultStep.MAIN) <= 0;
    }

    /** A child that stops while its parent stands still: it is to be gone before its parent goes on. */
    private boolean endsByItself() {
        return cell.step() == FaultStep.AFTER_READY
                && (cell.fault() == Fault.TERM_CHILD || cell.fault() == Fault.CALL_STOP_CHILD);
    }

    /** A parent that stops while its child stands right before its commit: it was only told until now, and is to act on it before its child goes on. */
    private boolean stopComesBeforeCommit() {
        FaultStep step = cell.step();
        return (cell.fault() == Fault.TERM_PARENT || cell.fault() == Fault.CALL_STOP_PARENT)
                && (step == FaultStep.DRAINED_SENT
                        || step == FaultStep.BEFORE_PID_FILE
                        || step == FaultStep.BEFORE_READY);
    }

    /** Whoever is held goes on. */
    private void release() throws IOException {
        Path released = directory.resolve("released");
        if (!Files.exists(released)) {
            if (cell.outcome() == Outcome.NEXT) {
                Files.delete(directory.resolve("hold")); // the next upgrade is not held
            }
            Files.createFile(released);
            // for reading too, so that this does not wait for a reader
            try (RandomAccessFile gate =
                    new RandomAccessFile(directory.resolve("gate").toFile(), "rw")) {
                gate.write('\n');
                Await.until("the script goes on", () -> !scriptIsHeld(), this::state);
            }
        }
    }

    private boolean scriptIsHeld() {
        return cell.step().event().equals("script")
                && cell.fault() != Fault.THROW
                && service.processes().stream()
                        .anyMatch(pid -> pid != parent && Proc.state(pid) != 'T' && Proc.runs(pid, "dash"));
    }

    /** Lets time pass until all timers have expired and the other process has done what it does about that. */
    private void thaw(long frozen) {
        Duration passed = Duration.ZERO;
        long start = System.nanoTime();
        while (passed.compareTo(PAST_EVERY_TIMER) < 0 || !otherHasSettled(frozen)) {
            assertTrue(System.nanoTime() - start < Await.LIMIT.toNanos(), this::state);
            clock.advance(TIME_STEP);
            passed = passed.plus(TIME_STEP);
            LockSupport.parkNanos(TIME_STEP_TAKES);
        }
        killed = System.nanoTime(); // by its parent, if that has given it up
        if (Proc.isRunning(frozen)) {
            service.signal("CONT", frozen);
        }
    }

    private boolean otherHasSettled(long frozen) {
        if (frozen == parent) {
            return service.processes().stream().allMatch(pid -> pid == parent)
                    || service.log().contains("generation 2 (pid " + child() + ") is serving");
        }
        return service.log().contains("upgrade: failed") || !Proc.isRunning(parent);
    }

    // ---- what became of it

    private void awaitOutcome() {
        switch (cell.outcome()) {
            case PARENT -> {
                service.awaitLog("upgrade: failed");
                Await.until("the parent alone", () -> service.processes().equals(List.of(parent)), this::state);
            }
            case CHILD -> {
                service.awaitServing(2);
                service.awaitGone(parent);
                service.awaitProcesses(1);
            }
            case NEXT -> {
                service.awaitServing(3);
                service.awaitGone(parent);
                service.awaitProcesses(1);
            }
            case NOBODY -> Await.until("nobody", () -> service.processes().isEmpty(), this::state);
        }
    }

    private void checkWhatIsLeft() throws IOException {
        stopLoad();
        CompletableFuture<String> underWay = request;
        if (underWay != null && cell.fault() != Fault.KILL_PARENT) {
            assertTrue(underWay.join().contains("\"pid\":" + parent), this::state);
        }
        if (cell.outcome() == Outcome.NOBODY) {
            checkPidFileOfNobody();
        } else {
            long survivor = service.processes().get(0);
            assertEquals(cell.outcome() == Outcome.PARENT, survivor == parent, this::state);
            assertEquals(survivor, service.pid(), this::state);
            // the rehearsal of a spawn leaves one for a moment, until it is reaped
            Await.until("no zombie", () -> Proc.zombies(survivor).isEmpty(), this::state);
            assertTrue(Http.get(address, "/").contains("\"pid\":" + survivor), this::state);
        }
        awaitNothingElse();
    }

    /** Removed, unless the service was killed. */
    private void checkPidFileOfNobody() {
        boolean mayStay = cell.fault().isKill();
        assertTrue(mayStay || !Files.exists(service.pidFile()), this::state);
    }

    /** No request may fail but those that were under way inside a process that was killed. */
    private void stopLoad() {
        if (loaded != null) {
            return;
        }
        LoadResult result = load.stop();
        loaded = result;
        boolean someDied = cell.fault().isKill() || cell.fault() == Fault.STOP_CHILD;
        List<LoadSample> failed = result.samples()
                .filter(sample -> sample.failure().isPresent())
                .filter(sample -> !(someDied && wasLostWithProcess(sample)))
                .toList();
        Set<FailureKind> kinds = result.counts().failures().keySet();
        boolean broken = someDied ? !LOST_WITH_PROCESS.containsAll(kinds) : !kinds.isEmpty();
        assertTrue(failed.isEmpty() && !broken, () -> result.counts() + "\n" + result.details() + "\n" + state());
        assertTrue(result.counts().answered() > 0, this::state);
    }

    private boolean wasLostWithProcess(LoadSample sample) {
        return LOST_WITH_PROCESS.contains(requireNonNull(sample.failure().orElse(null)))
                && sample.intendedNanos() - killed < 0;
    }

    /** The status of the service is about to be written now and then, into a file that becomes the one it is in. */
    private void awaitNothingElse() {
        Await.until("no other files", () -> leftovers().isEmpty(), () -> leftovers() + "\n" + state());
    }

    private List<String> leftovers() {
        List<String> ours = List.of(
                "clock",
                "gate",
                "hold",
                "log",
                "released",
                "service.pid",
                "service.pid.status",
                "start",
                "throw",
                "trace");
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            files.map(file -> file.getFileName().toString())
                    .filter(name -> !ours.contains(name) && !name.startsWith("stop."))
                    .forEach(found::add);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return found;
    }

    /** The next upgrade works as if nothing had happened, and a stop leaves nothing. */
    private void goOn() throws IOException {
        Files.deleteIfExists(directory.resolve("hold"));
        Files.deleteIfExists(directory.resolve("throw"));
        service.upgrade();
        service.signal("TERM", service.pid());
        service.awaitProcesses(0);
        assertFalse(Files.exists(service.pidFile()), this::state);
        assertFalse(Files.exists(service.directory().resolve("service.pid.status")), this::state);
        awaitNothingElse();
    }

    private String state() {
        return cell + "\nparent " + parent + ", running " + service.processes() + "\ntrace " + trace() + "\n"
                + service.log().replaceAll("n{100,}", "n...");
    }
}
