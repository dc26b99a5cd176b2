package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.Participant;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.State;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.Upgrader;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;

/** A lifecycle on a {@link FakeOs}, with a clock that stands until it is told, and what its user hears. */
public final class ParentFixture implements AutoCloseable {
    /** The phases in which participants run. */
    public static final Set<Phase> ACCEPTING = EnumSet.of(
            Phase.ORPHANED,
            Phase.TAKING_OVER,
            Phase.SERVING,
            Phase.SPAWNING,
            Phase.STARTING,
            Phase.CHILD_FAILED,
            Phase.ABORTING,
            Phase.STOPPING_CHILD,
            Phase.CHILD_LEAVING,
            Phase.ENDING_CHILD);

    public final FakeOs os = new FakeOs();
    public final TestClock now = new TestClock();
    public final Logs logs = new Logs();
    public final Steps participant = new Steps();
    public final List<String> events = new CopyOnWriteArrayList<>();
    public final Lifecycle life;
    public final Path pidFile;
    public volatile Runnable whenNativeCodeIsLoaded = () -> {};
    public volatile Runnable whenDrained = () -> {};
    private final ResourceCheck resourceCheck;
    private final Duration idleBoot;
    private Duration readyAfter = Duration.ofSeconds(5);
    private volatile UnaryOperator<ChildCommand> childCommand = UnaryOperator.identity();

    /** The listening socket of the program. */
    private final int listener = os.opened(50);

    public ParentFixture(Path directory) throws IOException {
        this(directory, Duration.ofSeconds(5), true);
    }

    public ParentFixture(Path directory, Duration readyAfter, boolean supported) throws IOException {
        this(directory, readyAfter, supported, ResourceCheck.OFF);
    }

    public ParentFixture(Path directory, Duration readyAfter, boolean supported, ResourceCheck resourceCheck)
            throws IOException {
        this(directory, readyAfter, supported, resourceCheck, Duration.ZERO);
    }

    public ParentFixture(
            Path directory, Duration readyAfter, boolean supported, ResourceCheck resourceCheck, Duration idleBoot)
            throws IOException {
        this(directory, readyAfter, supported, resourceCheck, idleBoot, new ProcFs());
    }

    /** A process that finds these files about itself and its machine. */
    public ParentFixture(Path directory, ResourceCheck resourceCheck, ProcFs proc) throws IOException {
        this(directory, Duration.ZERO, true, resourceCheck, Duration.ZERO, proc);
    }

    private ParentFixture(
            Path directory,
            Duration readyAfter,
            boolean supported,
            ResourceCheck resourceCheck,
            Duration idleBoot,
            ProcFs proc)
            throws IOException {
        this.readyAfter = readyAfter;
        this.idleBoot = idleBoot;
        this.resourceCheck = resourceCheck;
        pidFile = directory.resolve("app.pid");
        life = new Lifecycle(settings(), this::load, proc, supported ? new Launcher(new ProcFs()) : null, null);
        life.start();
        life.register(participant);
        life.fds().add(FdName.listener("tcp", ":80"), use -> {
            use.accept(listener);
            return CompletableFuture.completedFuture(null);
        });
    }

    private Os load() {
        whenNativeCodeIsLoaded.run();
        return os;
    }

    private Settings settings() {
        Settings settings = new Settings();
        settings.pidFile(pidFile);
        settings.upgradeTimeout(Duration.ofSeconds(60));
        settings.maxDrainBeforeCommit(readyAfter);
        settings.drainTimeout(Duration.ofSeconds(30));
        settings.exitDeadline(Duration.ofSeconds(10));
        settings.haltAtExitDeadline(false);
        settings.upgradeOn(List.of("HUP"));
        settings.childCommand(own -> childCommand.apply(own));
        settings.resourceCheck(resourceCheck);
        settings.idleBoot(idleBoot);
        settings.listener(new Events());
        settings.clock(now);
        return settings;
    }

    /** The lifecycle, for other packages. */
    public Upgrader upgrader() {
        return life;
    }

    public void childCommand(UnaryOperator<ChildCommand> change) {
        childCommand = change;
    }

    /** A lifecycle that serves. */
    public static ParentFixture serving(Path directory) throws Exception {
        return new ParentFixture(directory).serve();
    }

    public ParentFixture serve() throws Exception {
        Await.get(life.ready());
        return this;
    }

    public void advance(Duration time) {
        now.addAndGet(time.toNanos());
    }

    /** Until the loop has nothing to do: timers that a step has set are set then. */
    public void settle() throws Exception {
        Await.get(CompletableFuture.runAsync(() -> {}, life.context().loop()));
    }

    public void await(State state) throws Exception {
        Await.until(state + ", logged:\n" + logs, () -> life.state() == state);
        settle();
        boolean running = CompletableFuture.supplyAsync(
                        () -> life.participants().areRunning(), life.context().loop())
                .get();
        assertEquals(
                ACCEPTING.contains(life.context().phase()),
                running,
                () -> "in " + life.context().phase());
    }

    public void awaitEvent(String event) throws Exception {
        Await.until(event + " in " + events, () -> events.stream().anyMatch(e -> e.startsWith(event)));
    }

    public void awaitEvents(String... expected) throws Exception {
        Await.until(List.of(expected) + " of " + events, () -> events.equals(List.of(expected)));
    }

    public UpgradeException.Reason reason(CompletableFuture<Long> upgrade) throws Exception {
        return failure(upgrade).reason();
    }

    public UpgradeException failure(CompletableFuture<Long> upgrade) throws Exception {
        return (UpgradeException) Await.failure(upgrade);
    }

    /** The child of an upgrade that is under way, having read its names. */
    public FakeOs.FakeChild child() throws Exception {
        FakeOs.FakeChild child = os.child();
        settle();
        Await.until("names", () -> child.read().length > 0);
        return child;
    }

    /** Keeps the loop busy until the returned latch is counted down, as a SIGSTOP would. */
    public CountDownLatch stopTheWorld() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        life.context().loop().execute(() -> {
            inside.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        inside.await();
        return go;
    }

    /**
     * Nothing is open but what the program itself has opened.
     *
     * @param zombies what has ended and is not reaped
     */
    public void assertNothingLeaked(FakeOs.FakeChild... zombies) throws Exception {
        Await.until("all reaped", () -> os.allReapedBut(zombies));
        Await.until("closed " + os.open(), () -> os.open().equals(Set.of(listener)));
        assertEquals(List.of(), os.mistakes());
    }

    @Override
    public void close() {
        FakeOs.FakeChild last = os.last();
        if (last != null) {
            last.exit(0); // its reaper waits for that
        }
        life.files().remove(); // nothing is written from now on
        now.close();
        logs.close();
    }

    /** A participant that notes its calls; its drain ends when the test says so. */
    public static final class Steps implements Participant {
        public final List<String> calls = new CopyOnWriteArrayList<>();
        public volatile CompletableFuture<DrainReport> draining = new CompletableFuture<>();

        @Override
        public CompletionStage<?> pause() {
            calls.add("pause");
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<DrainReport> drain(Duration timeout) {
            draining = new CompletableFuture<>();
            calls.add("drain");
            return draining;
        }

        @Override
        public CompletionStage<?> resume() {
            calls.add("resume");
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<?> release() {
            calls.add("release");
            return CompletableFuture.completedFuture(null);
        }

        public void await(String... expected) throws Exception {
            Await.until(List.of(expected) + " of " + calls, () -> calls.equals(List.of(expected)));
        }

        public void drained() throws Exception {
            Await.until("a drain", () -> calls.contains("drain"));
            draining.complete(DrainReport.NOTHING);
        }
    }

    private final class Events implements LifecycleListener {
        @Override
        public void spawned(long pid) {
            events.add("spawned " + pid);
        }

        @Override
        public void childReady(long pid) {
            events.add("childReady " + pid);
        }

        @Override
        public void draining() {
            events.add("draining");
        }

        @Override
        public void drained(DrainReport report) {
            whenDrained.run();
            events.add("drained");
        }

        @Override
        public void committed(long pid) {
            events.add("committed " + pid);
            throw new IllegalStateException("a listener that fails");
        }

        @Override
        public void rolledBack(UpgradeException reason) {
            events.add("rolledBack " + reason.reason());
            throw new AssertionError("a listener that fails");
        }
    }
}
