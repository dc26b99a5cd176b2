package io.tableflip.core.lifecycle;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.State;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.WarmUp;
import io.tableflip.core.WrongDescriptorException;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.link.Gob;
import io.tableflip.core.link.Message;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.link.WireNames;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeProc;
import io.tableflip.core.os.MessageSocket;
import io.tableflip.core.os.MessageSocket.Received;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The child's side of an upgrade: real pipes under a {@code /proc} of its own, the test as parent, a clock
 * that the test moves.
 */
class TakeoverTest {
    private static final long PARENT = 4000;
    private static final String LEVEL_2 = "2:4000:101:102:7:5000";
    private static final FdName WEB = FdName.listener("tcp", ":80");

    private final Path directory;
    private final FakeProc proc;
    private final Path pidFile;
    private final FakeOs os = new FakeOs();
    private final TestClock now = new TestClock();
    private final Logs logs = new Logs();
    private volatile Runnable whenNativeCodeIsLoaded = () -> {};
    private final ParentFixture.Steps participant = new ParentFixture.Steps();
    private final List<FileChannel> open = new ArrayList<>();
    private final Message.Decoder decoder = new Message.Decoder();
    private final List<Message> heard = new CopyOnWriteArrayList<>();

    TakeoverTest(@TempDir Path directory) throws Exception {
        this.directory = directory;
        proc = new FakeProc(directory.resolve("proc"));
        pidFile = Files.createDirectory(directory.resolve("run")).resolve("app.pid");
        proc.process(PARENT, "java", 'S', 1000);
        pipe(3, 101, "0100001");
        pipe(4, 102, "0100000");
        proc.fd(5, "socket:[105]", "02");
        proc.fd(6, "socket:[106]", "02");
        for (int fd = 3; fd <= 6; fd++) {
            os.opened(fd);
        }
    }

    private void pipe(int fd, int inode, String flags) throws Exception {
        String target = "pipe:[" + inode + "]";
        Path fifo = proc.root.resolve("self/fd").resolve(target);
        Commands.run("mkfifo", fifo.toString());
        proc.fd(fd, target, flags);
    }

    private final List<Lifecycle> lives = new ArrayList<>();

    @AfterEach
    void close() throws IOException {
        lives.forEach(life -> life.files().remove()); // nothing is written from now on
        now.close();
        for (FileChannel channel : open) {
            channel.close();
        }
        logs.close();
    }

    private FileChannel channel(int fd, java.nio.file.OpenOption... options) throws IOException {
        FileChannel channel = FileChannel.open(proc.fs.fd(fd), options);
        open.add(channel);
        return channel;
    }

    /** The parent's ends of the two pipes, and the child between them. */
    private final class Child {
        final FileChannel fromChild;
        final FileChannel toChild;
        final ParentLink link;
        final Lifecycle life;
        volatile boolean ended;

        Child(String variable, boolean started) throws Exception {
            FileChannel keepReady = channel(3, READ, WRITE); // opening one end of a FIFO waits for the other
            FileChannel keepNames = channel(4, READ, WRITE);
            ParentLink found = ParentLink.find(Map.of(ParentLink.SENTINEL, "yes", ParentLink.LINK, variable), proc.fs);
            link = assertNotNullLink(found);
            fromChild = channel(3, READ);
            toChild = channel(4, WRITE);
            Thread reader = new Thread(this::read, "messages of the child");
            reader.setDaemon(true);
            reader.start();
            keepReady.close();
            keepNames.close();
            life = new Lifecycle(settings(), this::load, proc.fs, new Launcher(new ProcFs()), link);
            lives.add(life);
            if (started) {
                write(Gob.encode(names(variable)));
                life.start();
                life.register(participant);
            }
        }

        private static List<List<String>> names(String variable) {
            List<List<String>> names =
                    new ArrayList<>(List.of(WireNames.encode(WEB), List.of("shm", "of a later version", "")));
            if (variable.contains("transfer")) {
                names.add(WireNames.TRANSFER);
            }
            return names;
        }

        private Os load() {
            whenNativeCodeIsLoaded.run();
            return os;
        }

        void write(byte[] bytes) throws IOException {
            toChild.write(ByteBuffer.wrap(bytes));
        }

        void say(byte type) throws IOException {
            write(new Message(type).encode());
        }

        private void read() {
            try {
                ByteBuffer buffer = ByteBuffer.allocate(512);
                for (int count = fromChild.read(buffer); count >= 0; count = fromChild.read(buffer)) {
                    heard.addAll(decoder.decode(buffer.array(), count));
                    buffer.clear();
                }
                ended = true;
            } catch (IOException e) {
                // closed by the test
            }
        }

        /** Waits until there is a message of this type. */
        void hear(byte type) throws Exception {
            Await.until(
                    (char) type + " in " + heard + "\n" + logs,
                    () -> heard.stream().anyMatch(message -> message.type() == type));
        }

        void hearEnd() throws Exception {
            Await.until("end of file", () -> ended);
        }

        /** As when the parent is killed. */
        void parentDies() throws IOException {
            proc.processGone(PARENT);
            toChild.close();
            fromChild.close();
        }

        CompletableFuture<Void> takingOver() throws Exception {
            CompletableFuture<Void> ready = life.ready();
            hear(Message.TAKEOVER);
            settle();
            return ready;
        }

        void settle() throws Exception {
            Await.get(CompletableFuture.runAsync(() -> {}, life.context().loop()));
        }

        /** Moves the clock in small steps until this has happened. */
        void advanceUntil(String what, CompletionStage<?> happened) throws Exception {
            Await.until(what, () -> {
                settle();
                now.addAndGet(Duration.ofMillis(100).toNanos());
                return happened.toCompletableFuture().isDone();
            });
        }

        void advance(Duration time) throws Exception {
            settle();
            now.addAndGet(time.toNanos());
        }

        void assertServes(CompletableFuture<Void> ready) throws Exception {
            Await.get(ready);
            assertEquals(State.SERVING, life.state());
            assertEquals(Long.toString(ProcessHandle.current().pid()), Files.readString(pidFile));
        }

        void assertGaveUp(CompletableFuture<Void> ready) throws Exception {
            UpgradeException failure = assertInstanceOf(UpgradeException.class, Await.failure(ready));
            assertEquals(Reason.GIVEN_UP, failure.reason());
            Await.until("drain", () -> participant.calls.contains("drain"));
            participant.drained();
            assertInstanceOf(UpgradeException.class, Await.failure(life.exit()));
            assertFalse(Files.exists(pidFile));
            IllegalStateException thrown = assertThrows(IllegalStateException.class, life::awaitExit);
            assertInstanceOf(UpgradeException.class, thrown.getCause());
        }
    }

    private static ParentLink assertNotNullLink(@org.jspecify.annotations.Nullable ParentLink link) {
        assertNotNull(link);
        return link;
    }

    private Settings settings() {
        Settings settings = new Settings();
        settings.pidFile(pidFile);
        settings.upgradeTimeout(Duration.ofSeconds(60));
        settings.maxDrainBeforeCommit(Duration.ofSeconds(5));
        settings.drainTimeout(Duration.ofSeconds(30));
        settings.exitDeadline(Duration.ofSeconds(10));
        settings.haltAtExitDeadline(false);
        settings.upgradeOn(List.of("HUP"));
        settings.resourceCheck(ResourceCheck.OFF);
        settings.clock(now);
        return settings;
    }

    private Child child() throws Exception {
        return new Child(LEVEL_2, true);
    }

    /**
     * A child that closes its upgrader before it is ready loads native code to hang up, and its JVM may end
     * just then.
     */
    @Test
    void theJvmDoesNotEndWhileAChildHangsUp() throws Exception {
        Child child = child();
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        whenNativeCodeIsLoaded = () -> {
            loading.countDown();
            Await.latch(go);
        };
        child.life.stop();
        loading.await();
        Thread hook = new Thread(child.life.shutdown()::jvmEnds);
        hook.start();
        Await.until("the hook waits", () -> hook.getState() == Thread.State.TIMED_WAITING);
        go.countDown();
        hook.join();
        child.hearEnd();
    }

    private List<String> failures() {
        return heard.stream()
                .filter(message -> message.type() == Message.FAILED)
                .map(Message::text)
                .toList();
    }

    /** try-with-resources closes the upgrader before anybody sees the exception that ends main. */
    @Test
    void theParentIsToldTheExceptionThatEndsMain() throws Exception {
        Child child = child();
        child.life.close();
        child.settle();
        assertEquals(List.of(), failures());
        child.life.threadFailed(new IllegalStateException("no config", new IOException("/etc/app.conf is missing")));
        child.hear(Message.FAILED);
        assertEquals(1, failures().size());
        assertTrue(failures().get(0).startsWith("no config"), failures()::toString);
        now.addAndGet(Duration.ofSeconds(1).toNanos());
        child.hearEnd();
        assertEquals(1, failures().size());
    }

    @Test
    void aProgramThatClosesItsUpgraderWithoutAnExceptionIsReportedToo() throws Exception {
        Child child = child();
        child.life.close();
        child.settle();
        now.addAndGet(Duration.ofSeconds(1).toNanos());
        child.hearEnd();
        assertEquals(List.of("it closed its upgrader before it was ready; its log says why"), failures());
    }

    /** Both the parent and the child may be signalled, for example by systemctl kill. */
    @Test
    void aRequestThatReachesAChildBeginsWhenItsParentHasExited() throws Exception {
        Child child = child();
        child.life.upgradeBySignal("HUP");
        CompletableFuture<Void> ready = child.takingOver();
        child.say(Message.DRAINED);
        Await.get(ready);
        child.say(Message.REQUEST);
        Await.until("a request", () -> logs.has("the parent has not exited yet"));
        assertEquals(State.SERVING, child.life.state());
        child.parentDies();
        FakeOs.FakeChild next = os.child();
        next.exit(1);
        Await.until("serving", () -> child.life.state() == State.SERVING);
        child.settle();
        assertEquals(next, os.last(), "two requests make one upgrade");
    }

    /** The JVM does not wait for a thread that has yet to begin. */
    @Test
    void aChildThatStopsHasSaidWhyBeforeItsJvmCanEnd() throws Exception {
        Child child = child();
        child.life.reportFailure(new IOException("no such host"));
        boolean said = Await.get(CompletableFuture.supplyAsync(
                () -> {
                    child.life.shutdown().stop();
                    return child.link.hasFailed();
                },
                child.life.context().loop()));
        assertTrue(said);
        child.life.shutdown().jvmEnds();
        child.hear(Message.FAILED);
        assertEquals(List.of("no such host"), failures());
    }

    /** A hook of the program may wait for the end of the upgrader, and the JVM for the hook. */
    @Test
    void aChildThatStopsWhenTheJvmIsAboutToEndLoadsNothingAndIsNotHeldUp() throws Exception {
        Child child = child();
        child.life.shutdown().jvmEnds();
        whenNativeCodeIsLoaded = () -> {
            throw new AssertionError("loaded");
        };
        child.life.stop();
        Await.until("drain", () -> participant.calls.contains("drain"));
        participant.drained();
        Await.get(child.life.exit());
    }

    @Test
    void aChildWhoseJvmEndsDoesNotBecomeTheService() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.life.shutdown().jvmEnds();
        child.hear(Message.FAILED);
        child.say(Message.DRAINED);
        Await.until("drained", () -> logs.has("not committed"));
        child.settle();
        assertFalse(ready.isDone());
        assertFalse(Files.exists(pidFile));
    }

    // ---- what both processes have

    @Test
    void hearsThatItsParentHasPaused() throws Exception {
        Child child = child();
        CompletableFuture<Void> paused = child.life.parentPaused();
        child.takingOver();
        child.settle();
        assertFalse(paused.isDone());
        child.say(Message.PAUSED);
        Await.get(paused);
        assertEquals(State.TAKING_OVER, child.life.state());
    }

    @Test
    void aChildWhoseJvmEndsDoesNotBegin() throws Exception {
        Child child = child();
        child.life.shutdown().jvmEnds();
        child.hear(Message.FAILED);
        assertInstanceOf(IllegalStateException.class, Await.failure(child.life.ready()));
        child.settle();
        assertEquals(List.of(), participant.calls);
    }

    /** Only a parent that was asked to leave pauses. */
    @Test
    void doesNotBelieveAParentThatHasPausedBefore() throws Exception {
        Child child = child();
        CompletableFuture<Void> paused = child.life.parentPaused();
        child.say(Message.PAUSED);
        Await.until("ignored", () -> logs.has("which nobody waits for"));
        assertFalse(paused.isDone());
    }

    @Test
    void doesNotWaitForAParentThatDoesNotSayThatItHasPaused() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.say(Message.DRAINED);
        child.assertServes(ready);
        Await.get(child.life.parentPaused());
    }

    // ---- its own next upgrade

    private static final String PREPARED = "prepared for the next upgrade";

    /** Serves, and has claimed all that it has inherited. */
    private Child serving() throws Exception {
        Child child = new Child(LEVEL_2, false);
        child.write(Gob.encode(List.of(WireNames.encode(WEB))));
        child.life.start();
        assertTrue(child.life.fds().inherit(WEB).isPresent());
        CompletableFuture<Void> ready = child.takingOver();
        child.say(Message.DRAINED);
        child.assertServes(ready);
        child.settle();
        return child;
    }

    /** Its first clients come first: all that they need is new to the JVM, too. */
    @Test
    void preparesTheNextUpgradeWhenItHasServedForAWhile() throws Exception {
        whenNativeCodeIsLoaded = () -> {
            throw new AssertionError("loaded");
        };
        Child child = serving();
        child.advance(Housekeeping.DELAY.minusNanos(1));
        child.settle();
        whenNativeCodeIsLoaded = () -> {};
        child.advance(Duration.ofNanos(1));
        Await.until("prepared", () -> logs.has(PREPARED));
    }

    /** The parent serves it until the commit, and nobody must be able to connect to it from then on. */
    @Test
    void closesBeforeTheTakeoverWhatNobodyHasClaimed() throws Exception {
        Child child = child();
        child.takingOver();
        assertEquals(new Message(Message.UNUSED, "0"), heard.get(0));
        assertEquals(Message.TAKEOVER, heard.get(1).type());
        assertFalse(os.open().contains(5));
        assertEquals(Set.of(WEB), child.life.fds().unclaimed());
    }

    @Test
    void anUpgradeDoesNotWaitForIt() throws Exception {
        Child child = serving();
        child.parentDies();
        Await.get(child.life.parentExited());
        child.life.upgrade();
        Await.until("prepared", () -> logs.has(PREPARED));
        child.advance(Housekeeping.DELAY);
        child.settle();
        assertEquals(2, logs.toString().split(PREPARED, -1).length, "only once");
    }

    // ---- what serving needs

    private static Participant acquiring(CompletionStage<?> acquired) {
        return new Participant() {
            @Override
            public CompletionStage<?> acquire() {
                return acquired;
            }
        };
    }

    @Test
    void takesOverOnlyWhenItHasWhatServingNeeds() throws Exception {
        Child child = child();
        CompletableFuture<Void> acquired = new CompletableFuture<>();
        child.life.register(acquiring(acquired));
        CompletableFuture<Void> ready = child.life.ready();
        Await.until("opening", () -> child.life.context().phase() == Phase.OPENING);
        child.settle();
        assertEquals(List.of(), participant.calls);
        acquired.complete(null);
        child.hear(Message.TAKEOVER);
        assertEquals(List.of("resume"), participant.calls);
        child.say(Message.DRAINED);
        child.assertServes(ready);
    }

    /** The parent keeps serving. */
    @Test
    void failsIfItCannotAcquireWhatServingNeeds() throws Exception {
        Child child = child();
        child.life.register(acquiring(CompletableFuture.failedFuture(new IOException("no thread is left"))));
        CompletableFuture<Void> ready = child.life.ready();
        child.hear(Message.FAILED);
        assertEquals("no thread is left", heard.get(0).text());
        assertEquals(
                "no thread is left",
                assertInstanceOf(IOException.class, Await.failure(ready)).getMessage());
        Await.until("drain", () -> participant.calls.contains("drain"));
        participant.drained();
        assertInstanceOf(IOException.class, Await.failure(child.life.exit()));
        assertFalse(participant.calls.contains("resume"), participant.calls::toString);
    }

    @Test
    void oneFailureIsEnough() throws Exception {
        Child child = child();
        child.life.register(acquiring(new CompletableFuture<>()));
        child.life.register(acquiring(CompletableFuture.failedFuture(new IOException("no thread is left"))));
        CompletableFuture<Void> ready = child.life.ready();
        child.hear(Message.FAILED);
        assertEquals("no thread is left", heard.get(0).text());
        assertInstanceOf(IOException.class, Await.failure(ready));
        participant.drained();
    }

    /** Its connections would be lost. */
    @Test
    void aChildWhoseJvmEndsWhileItAcquiresOpensNothing() throws Exception {
        Child child = child();
        CompletableFuture<Void> acquired = new CompletableFuture<>();
        child.life.register(acquiring(acquired));
        CompletableFuture<Void> ready = child.life.ready();
        Await.until("opening", () -> child.life.context().phase() == Phase.OPENING);
        child.life.shutdown().jvmEnds();
        acquired.complete(null);
        assertInstanceOf(IllegalStateException.class, Await.failure(ready));
        child.settle();
        assertEquals(List.of(), participant.calls);
    }

    // ---- warm-up

    private static final Duration LIMIT = Duration.ofSeconds(20);

    /** Says that it has begun, and ends when it is told. */
    private static final class Warming implements WarmUp {
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch go = new CountDownLatch(1);
        final CompletableFuture<Void> interrupted = new CompletableFuture<>();

        @Override
        public void run() throws Exception {
            begun.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                interrupted.complete(null);
                throw e;
            }
        }
    }

    @Test
    void warmsUpBeforeItTakesOver() throws Exception {
        Child child = child();
        Warming warming = new Warming();
        CompletableFuture<Void> ready = child.life.ready(warming, LIMIT);
        warming.begun.await();
        child.settle();
        assertEquals(State.INITIALIZING, child.life.state());
        assertEquals(List.of(), participant.calls);
        warming.go.countDown();
        child.hear(Message.TAKEOVER);
        child.say(Message.DRAINED);
        child.assertServes(ready);
        assertTrue(logs.has("warmed up in"), logs::toString);
        assertFalse(warming.interrupted.isDone());
    }

    @Test
    void aWarmUpEndsAtItsLimit() throws Exception {
        Child child = child();
        Warming warming = new Warming();
        CompletableFuture<Void> ready = child.life.ready(warming, LIMIT);
        warming.begun.await();
        child.advance(LIMIT);
        child.hear(Message.TAKEOVER);
        Await.get(warming.interrupted);
        child.say(Message.DRAINED);
        child.assertServes(ready);
        assertTrue(logs.has("warm-up: its time is over"), logs::toString);
        assertFalse(logs.has("the warm-up has failed"), logs::toString);
    }

    @Test
    void aWarmUpThatDoesNotEndIsNotWaitedFor() throws Exception {
        Child child = child();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        CompletableFuture<Void> ready = child.life.ready(
                () -> {
                    begun.countDown();
                    Await.latch(never);
                },
                LIMIT);
        begun.await();
        child.advance(LIMIT);
        child.hear(Message.TAKEOVER);
        child.say(Message.DRAINED);
        child.assertServes(ready);
        never.countDown();
    }

    @Test
    void aWarmUpThatFailsChangesNothing() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.life.ready(
                () -> {
                    throw new NoClassDefFoundError("Heater");
                },
                LIMIT);
        child.hear(Message.TAKEOVER);
        child.say(Message.DRAINED);
        child.assertServes(ready);
        assertTrue(logs.has("the warm-up has failed"), logs::toString);
    }

    /** Nobody serves then. */
    @Test
    void aWarmUpEndsWhenTheParentDies() throws Exception {
        Child child = child();
        Warming warming = new Warming();
        CompletableFuture<Void> ready = child.life.ready(warming, LIMIT);
        warming.begun.await();
        child.parentDies();
        Await.get(warming.interrupted);
        child.advanceUntil("it serves", ready);
        child.assertServes(ready);
    }

    @Test
    void aStopEndsAWarmUp() throws Exception {
        Child child = child();
        Warming warming = new Warming();
        CompletableFuture<Void> ready = child.life.ready(warming, LIMIT);
        warming.begun.await();
        child.life.stop();
        Await.get(warming.interrupted);
        assertInstanceOf(IllegalStateException.class, Await.failure(ready));
        Await.until("drain", () -> participant.calls.contains("drain"));
        participant.drained();
        Await.get(child.life.exit());
    }

    @Test
    void readyAloneEndsAWarmUp() throws Exception {
        Child child = child();
        Warming warming = new Warming();
        CompletableFuture<Void> warm = child.life.ready(warming, LIMIT);
        warming.begun.await();
        CompletableFuture<Void> ready = child.takingOver();
        Await.get(warming.interrupted);
        child.say(Message.DRAINED);
        child.assertServes(ready);
        Await.get(warm);
    }

    @Test
    void aWarmUpMustBeShorterThanTheUpgradeMayTake() throws Exception {
        Child child = child();
        WarmUp none = () -> {};
        assertThrows(IllegalArgumentException.class, () -> child.life.ready(none, Duration.ofSeconds(60)));
        assertThrows(IllegalArgumentException.class, () -> child.life.ready(none, Duration.ofSeconds(-1)));
    }

    // ---- success

    @Test
    void aTakeoverStepByStep() throws Exception {
        Child child = child();
        assertTrue(child.life.hasParent());
        assertEquals(7, child.life.generation());
        assertEquals(5, child.life.fds().inherit(WEB).orElseThrow().number());
        assertEquals(List.of(), participant.calls, "paused until it is ready");

        CompletableFuture<Void> ready = child.takingOver();
        assertEquals(
                List.of(new Message(
                        Message.TAKEOVER, Long.toString(ProcessHandle.current().pid()))),
                heard);
        participant.await("resume");
        assertEquals(State.TAKING_OVER, child.life.state());
        assertFalse(Files.exists(pidFile));
        assertFalse(ready.isDone());

        child.say(Message.DRAINED);
        child.hear(Message.READY);
        child.assertServes(ready);
        child.advance(Housekeeping.DELAY);
        // 6 has a name of a later version; 3 and 4 are needed no longer
        Await.until("closed " + os.open(), () -> os.open().equals(Set.of(5)));
        child.hearEnd();
        assertFalse(child.life.parentExited().isDone());
        assertEquals(Reason.PARENT_RUNNING, reason(child.life.upgrade()));
        proc.processGone(PARENT);
        child.toChild.close();
        Await.get(child.life.parentExited());
        assertEquals(List.of(), os.mistakes());
    }

    private static Reason reason(CompletableFuture<Long> upgrade) throws Exception {
        return ((UpgradeException) Await.failure(upgrade)).reason();
    }

    @Test
    void messagesGluedToTheNamesAreNotLost() throws Exception {
        Child child = new Child(LEVEL_2, false);
        byte[] names = Gob.encode(List.of(WireNames.encode(WEB)));
        byte[] abort = new Message(Message.ABORT).encode();
        child.write(ByteBuffer.allocate(names.length + abort.length)
                .put(names)
                .put(abort)
                .array());
        child.life.register(participant);
        child.life.start();
        child.assertGaveUp(child.life.ready());
    }

    @Test
    void aLevel1ParentGetsNothingButReady() throws Exception {
        Child child = new Child("", true);
        assertEquals(1, child.life.generation());
        CompletableFuture<Void> ready = child.life.ready();
        child.hear(Message.READY);
        child.assertServes(ready);
        assertEquals(List.of(new Message(Message.READY)), heard);
    }

    /** It serves on: two services would be too many. */
    @Test
    void aLevel1ParentThatClosesItsPipesAndLivesKeepsTheService() throws Exception {
        proc.write("4000/fdinfo/9", "pos:\t0\nflags:\t02000000\n");
        Files.createDirectories(proc.root.resolve("4000/fd"));
        Files.createSymbolicLink(proc.root.resolve("4000/fd/9"), Path.of("pipe:[101]"));
        proc.process(77, "sh", 'S', 900); // has started this process, and may be gone at any time
        Child child = new Child("", true);
        assertEquals(PARENT, child.link.pid());
        child.toChild.close();
        Await.get(child.life.parentExited());
        CompletableFuture<Void> ready = child.life.ready();
        participant.await("resume");
        child.advanceUntil("given up", ready);
        child.assertGaveUp(ready);
    }

    @Test
    void aLevel1ParentThatHasExitedIsSucceeded() throws Exception {
        proc.process(77, "go", 'S', 900);
        Child child = new Child("", true);
        assertEquals(77, child.link.pid());
        proc.processGone(77);
        proc.parent(1);
        child.toChild.close();
        CompletableFuture<Void> ready = child.life.ready();
        participant.await("resume");
        child.advanceUntil("serving", ready);
        child.assertServes(ready);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1:4000:101:102:7:5000",
                "2:4000:999:102:7:5000", // inherited through a process that speaks level 1
                "2:4000:101:999:7:5000",
                "2:4000:101:102:7",
                "2:x:101:102:7:5000",
                "2"
            })
    void aVariableThatIsNotOfTheseTwoPipesMeansLevel1(String variable) throws Exception {
        assertFalse(new Child(variable, false).link.isLevel2());
    }

    @Test
    void laterVersionsMayAppendToTheVariable() throws Exception {
        Child child = new Child(LEVEL_2 + ":more", false);
        assertTrue(child.link.isLevel2());
        assertEquals(Duration.ofSeconds(5), child.link.drainedWait());
        assertEquals(PARENT, child.link.pid());
    }

    @Test
    void aParentThatSaysNothingIsNotWaitedForForEver() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.advance(Duration.ofSeconds(10).minusMillis(1)); // told 5, and 5 of its own
        child.settle();
        assertEquals(State.TAKING_OVER, child.life.state());
        child.advance(Duration.ofMillis(1));
        child.hear(Message.READY);
        child.assertServes(ready);
        assertTrue(logs.has("parent 4000 has said nothing for 10 s"), logs::toString);
    }

    @Test
    void aParticipantThatNeverSaysThatItHasResumedFailsTheUpgrade() throws Exception {
        Child child = child();
        child.life.register(new Resuming(new CompletableFuture<>()));
        CompletableFuture<Void> ready = child.life.ready();
        participant.await("resume");
        child.settle();
        assertEquals(State.INITIALIZING, child.life.state());
        child.advance(Takeover.RESUME_LIMIT);
        child.hear(Message.FAILED);
        assertEquals("participant resuming has not ended its resume()", lastHeard());
        assertEquals(lastHeard(), Await.failure(ready).getMessage());
    }

    @Test
    void soDoesOneThatCannotResume() throws Exception {
        Child child = child();
        child.life.register(new Resuming(CompletableFuture.failedFuture(new IOException("no broker"))));
        child.life.ready();
        child.hear(Message.FAILED);
        assertEquals("resume() of participant resuming failed: no broker", lastHeard());
    }

    @Test
    void withoutAParentOneThatCannotResumeIsLogged() throws Exception {
        Child child = child();
        child.parentDies();
        Await.get(child.life.parentExited());
        child.life.register(new Resuming(CompletableFuture.failedFuture(new IOException("no broker"))));
        child.assertServes(child.life.ready());
        assertTrue(logs.has("resume() of participant resuming failed: no broker; this process serves"), logs::toString);
    }

    private String lastHeard() {
        return heard.get(heard.size() - 1).text();
    }

    private record Resuming(CompletionStage<?> result) implements Participant {
        @Override
        public CompletionStage<?> resume() {
            return result;
        }

        @Override
        public String toString() {
            return "resuming";
        }
    }

    // ---- the parent goes

    @Test
    void aParentThatDiesBeforeItIsNotMissed() throws Exception {
        Child child = child();
        child.parentDies();
        Await.get(child.life.parentExited());
        Await.until("logged", () -> logs.has("parent 4000 has gone, this process will be the service"));
        child.assertServes(child.life.ready());
    }

    @Test
    void aParentThatDiesAfterTheTakeoverIsNotMissed() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.parentDies();
        child.advanceUntil("ready", ready);
        child.assertServes(ready);
        assertTrue(logs.has("parent 4000 has gone before it handed over"), logs::toString);
    }

    @Test
    void aParentThatDiesBeforeItReadsReadyIsNotMissed() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.fromChild.close(); // READY will fail with EPIPE
        child.say(Message.DRAINED);
        Await.until("PID file", () -> Files.exists(pidFile));
        child.parentDies();
        child.advanceUntil("ready", ready);
        child.assertServes(ready);
    }

    @Test
    void aParentWhosePidIsAnotherProcessByNowIsGone() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        proc.process(PARENT, "other", 'S', 2000);
        child.toChild.close();
        child.advanceUntil("ready", ready);
        child.assertServes(ready);
    }

    @Test
    void aParentThatClosesTheLinkAndLivesHasGivenUpItsChild() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.toChild.close();
        child.fromChild.close();
        child.advanceUntil("given up", ready);
        child.assertGaveUp(ready);
    }

    @Test
    void aChildThatGetsReadyJustAfterTheLinkWasClosedDoesNotCommitBesideItsParent() throws Exception {
        Child child = child();
        child.toChild.close();
        Await.get(child.life.parentExited());
        CompletableFuture<Void> ready = child.life.ready();
        participant.await("resume");
        child.advanceUntil("given up", ready);
        child.assertGaveUp(ready);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aChildThatIsAbortedEnds(boolean takenOver) throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = takenOver ? child.takingOver() : null;
        child.say(Message.ABORT);
        Await.until("given up", () -> child.life.state() == State.STOPPING);
        child.assertGaveUp(ready == null ? child.life.ready() : ready);
        assertEquals(takenOver, participant.calls.contains("resume"));
    }

    /**
     * It said READY just when its parent had ceased to wait for it. The parent kills it, if it can: not
     * behind a start script.
     */
    @Test
    void aChildThatIsAbortedAfterItsReadyLeavesTheServiceToItsParent() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.say(Message.DRAINED);
        child.assertServes(ready);
        child.say(Message.ABORT);
        child.toChild.close();
        Await.get(child.life.parentExited());
        assertEquals(Reason.STOPPING, reason(child.life.upgrade()));
        Files.writeString(pidFile, Long.toString(PARENT));
        Await.until("drain", () -> participant.calls.contains("drain"));
        participant.drained();
        assertInstanceOf(UpgradeException.class, Await.failure(child.life.exit()));
        assertEquals(Long.toString(PARENT), Files.readString(pidFile));
    }

    /** Whoever finds that the parent does not listen has not read yet what it has said before. */
    @Test
    void anAbortInThePipeCountsThoughTheParentHasGoneSince() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.fromChild.close(); // READY will fail with EPIPE
        proc.processGone(PARENT);
        child.say(Message.DRAINED);
        Await.until("PID file", () -> Files.exists(pidFile));
        child.settle();
        assertEquals(State.TAKING_OVER, child.life.state());
        child.say(Message.ABORT);
        Await.until("given up", () -> child.life.state() == State.STOPPING);
        child.assertGaveUp(ready);
    }

    // ---- stop and failure

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theStopOfTheParentIsAStopOfTheChild(boolean serving) throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        if (serving) { // it has become that while the parent was stopping
            child.say(Message.DRAINED);
            Await.get(ready);
        }
        child.say(Message.STOP);
        participant.await("resume", "release", "drain");
        participant.drained();
        Await.get(child.life.exit());
        assertFalse(Files.exists(pidFile));
    }

    @Test
    void aStopBeforeItWasReadyTellsTheParentFirst() throws Exception {
        Child child = child();
        child.life.reportFailure(new IOException("bind 0.0.0.0:9090: Address already in use"));
        child.life.close();
        child.hear(Message.FAILED);
        assertEquals("bind 0.0.0.0:9090: Address already in use", heard.get(0).text());
        child.hearEnd();
        participant.await("release", "drain");
        assertInstanceOf(IllegalStateException.class, Await.failure(child.life.ready()));
        participant.drained();
        Await.get(child.life.exit());
        assertFalse(os.open().contains(3));
    }

    @Test
    void aStopAfterTheTakeoverHangsUp() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.life.stop();
        child.hear(Message.FAILED); // a job of a start script may keep the parent from seeing the end
        child.hearEnd();
        assertInstanceOf(IllegalStateException.class, Await.failure(ready));
        participant.await("resume", "release", "drain");
        participant.drained();
        Await.get(child.life.exit());
        assertFalse(Files.exists(pidFile));
    }

    @Test
    void aPidFileThatCannotBeWrittenIsToldBeforeAnybodyIsAskedToLeave() throws Exception {
        Files.createDirectory(pidFile);
        Child child = child();
        CompletableFuture<Void> ready = child.life.ready();
        child.hear(Message.FAILED);
        assertTrue(heard.get(0).text().contains(pidFile + " is a directory"), heard::toString);
        assertInstanceOf(IOException.class, Await.failure(ready));
        assertFalse(participant.calls.contains("resume"));
    }

    @Test
    void aPidFileThatCannotBePutInPlaceIsTold() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        Files.move(directory.resolve("run"), directory.resolve("gone"));
        child.say(Message.DRAINED);
        child.hear(Message.FAILED);
        assertInstanceOf(IOException.class, Await.failure(ready));
        assertFalse(heard.contains(new Message(Message.READY)));
    }

    // ---- messages at the wrong time

    @Test
    void drainedBeforeTheTakeoverDoesNotCommit() throws Exception {
        Child child = child();
        child.say(Message.DRAINED);
        child.write(new Message(Message.DRAINED, "with words").encode());
        child.write(new Message((byte) 'x', "of a later version").encode());
        child.say(Message.TAKEOVER); // a child's
        child.say(Message.READY);
        Await.until("all were read", () -> logs.count("which nobody waits for") == 5);
        CompletableFuture<Void> ready = child.takingOver();
        child.settle();
        assertEquals(State.TAKING_OVER, child.life.state());
        assertFalse(Files.exists(pidFile));
        child.say(Message.DRAINED);
        child.assertServes(ready);
    }

    @Test
    void whatComesAfterTheCommitDoesNotCount() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        for (byte type : new byte[] {Message.DRAINED, Message.DRAINED, Message.READY, Message.FAILED}) {
            child.say(type);
        }
        child.assertServes(ready);
        Await.until("heard", () -> logs.has("message " + Message.FAILED + " from the parent, which nobody waits for"));
        child.settle();
        assertEquals(State.SERVING, child.life.state());
        assertEquals(1, heard.stream().filter(m -> m.type() == Message.READY).count());
    }

    @Test
    void aMessageThatIsCutByTheEndIsNone() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        child.write(new byte[] {Message.ABORT, 0, 9, 'x'});
        child.parentDies();
        child.advanceUntil("ready", ready);
        child.assertServes(ready);
    }

    @Test
    void aParentThatSendsWithoutEndAndLivesIsNoParent() throws Exception {
        Child child = child();
        CompletableFuture<Void> ready = child.takingOver();
        byte[] message = new Message((byte) 'x', "y".repeat(4000)).encode();
        for (int sent = 0; sent <= Message.Decoder.LIMIT; sent += message.length) {
            child.write(message);
        }
        child.advanceUntil("given up", ready);
        child.assertGaveUp(ready);
        assertTrue(logs.has("the link to parent 4000 broke"), logs::toString);
    }

    // ---- the names

    @ParameterizedTest
    @CsvSource({"'', 5 s; was TABLEFLIP_HAS_PARENT_7DIU3 set by hand", LEVEL_2 + ", 60 s"})
    void namesThatDoNotComeAreNotWaitedForForEver(String variable, String told) throws Exception {
        Child child = new Child(variable, false);
        child.write(new byte[] {0x0d, (byte) 0xff}); // a beginning
        CompletableFuture<IOException> refused =
                CompletableFuture.supplyAsync(() -> assertThrows(IOException.class, child.life::start));
        child.settle();
        assertFalse(refused.isDone());
        child.advanceUntil("refused", refused);
        String message = String.valueOf(refused.join().getMessage());
        assertTrue(message.startsWith("the names of the descriptors from parent "), message);
        assertTrue(message.contains("not there within " + told), message);
        Await.until(
                "reader",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals("tableflip-parent")));
    }

    @Test
    void namesThatComeInTimeStopTheClock() throws Exception {
        Child child = child();
        child.advance(Duration.ofMinutes(2));
        child.settle();
        CompletableFuture<Void> ready = child.takingOver();
        child.say(Message.DRAINED);
        child.assertServes(ready);
    }

    @Test
    void namesThatAreGarbageAreRefused() throws Exception {
        Child child = new Child(LEVEL_2, false);
        child.write("GET / HTTP/1.1\r\n\r\n".getBytes(US_ASCII));
        child.write(new byte[128]);
        IOException failure = assertThrows(IOException.class, child.life::start);
        assertTrue(failure.toString().contains("the names of the descriptors from parent 4000: "), failure::toString);
        child.hear(Message.FAILED);
    }

    private WrongDescriptorException wrong(List<String> first, List<String> second) throws Exception {
        Child child = new Child(LEVEL_2, false);
        child.write(Gob.encode(List.of(first, second)));
        WrongDescriptorException failure = assertThrows(WrongDescriptorException.class, child.life::start);
        child.hear(Message.FAILED);
        assertEquals(List.of(new Message(Message.FAILED, String.valueOf(failure.getMessage()))), heard);
        return failure;
    }

    @ParameterizedTest
    @ValueSource(strings = {"listener", "packet", "conn"})
    void aSocketThatIsAFileIsNamed(String kind) throws Exception {
        replace(6, "/var/log/a\nb");
        WrongDescriptorException failure = wrong(WireNames.encode(WEB), List.of(kind, "tcp", ":81"));
        assertEquals(kind + ":tcp::81", failure.name().orElseThrow().toString());
        assertEquals(6, failure.number());
        assertTrue(
                String.valueOf(failure.getMessage())
                        .startsWith(kind + ":tcp::81 (fd 6) is no socket: /var/log/a\\nb; parent 4000 named 2"),
                failure::toString);
    }

    /**
     * It stands where one is missing that a start script has closed; closing it as unclaimed would be the end
     * of the JVM.
     */
    @Test
    void aFileOfThisJvmIsNotTakenForAPassedOne() throws Exception {
        replace(6, System.getProperty("java.home") + "/lib/modules");
        WrongDescriptorException failure = wrong(WireNames.encode(WEB), WireNames.encode(FdName.file("log")));
        assertTrue(
                String.valueOf(failure.getMessage()).startsWith("fd:log (fd 6) was not passed: "), failure::toString);
    }

    @Test
    void aFileOfThisJvmUnderANameOfALaterVersion() throws Exception {
        replace(6, System.getProperty("java.home") + "/lib/modules");
        WrongDescriptorException failure = wrong(WireNames.encode(WEB), List.of("shm", "x", ""));
        assertTrue(failure.name().isEmpty());
        assertTrue(
                String.valueOf(failure.getMessage()).startsWith("a descriptor of unknown kind (fd 6) was not passed"));
    }

    private void replace(int fd, String target) throws IOException {
        Files.delete(proc.root.resolve("self/fd/" + fd));
        proc.fd(fd, target, "02");
    }

    @Test
    void namesThatMakeNoSenseAreRefused() throws Exception {
        Child tooMany = new Child(LEVEL_2, false);
        tooMany.write(Gob.encode(List.of(
                WireNames.encode(WEB), WireNames.encode(FdName.file("a")), WireNames.encode(FdName.file("b")))));
        IOException failure = assertThrows(IOException.class, tooMany.life::start);
        assertTrue(
                failure.toString().contains("fd:b (fd 7) is not open; parent 4000 named 3 descriptors"),
                failure::toString);
        tooMany.hear(Message.FAILED);
    }

    @Test
    void aNameThatComesTwiceIsRefused() throws Exception {
        Child child = new Child(LEVEL_2, false);
        child.write(Gob.encode(List.of(WireNames.encode(WEB), WireNames.encode(WEB))));
        IOException failure = assertThrows(IOException.class, child.life::start);
        assertTrue(failure.toString().contains("two descriptors named listener:tcp::80"), failure::toString);
    }

    @Test
    void aParentThatDiesInTheMiddleOfTheNamesIsNamed() throws Exception {
        Child child = new Child(LEVEL_2, false);
        child.write(new byte[] {0x0d, (byte) 0xff});
        child.toChild.close();
        IOException failure = assertThrows(IOException.class, child.life::start);
        assertTrue(failure.toString().contains("parent 4000"), failure::toString);
    }

    @Test
    void aPipeThatThisUserCannotOpenIsNamed() throws Exception {
        Files.delete(proc.root.resolve("self/fd/pipe:[102]"));
        FileChannel reader = channel(3, READ, WRITE); // else the opening of a FIFO would wait for one
        IOException failure = assertThrows(
                IOException.class,
                () -> ParentLink.find(Map.of(ParentLink.SENTINEL, "yes", ParentLink.LINK, LEVEL_2), proc.fs));
        assertTrue(failure.toString().contains("descriptor 4 from the parent cannot be opened"), failure::toString);
        reader.close();
    }

    /** Whatever the variable says: what the descriptors are counts. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                LEVEL_2,
                "2:4000:101:101:7:5000",
                "2:4000:102:101:7:5000", // as if swapped
                "2:1:2:3:4:5",
                "garbage",
                "2::::::",
                "2:-1:-1:-1:-1:-1",
                "2:99999999999999999999:101:102:7:5000",
                "\n"
            })
    void withoutTheTwoPipesThereIsNoParentWhateverTheVariableSays(String variable) throws Exception {
        Map<String, String> environment = Map.of(ParentLink.SENTINEL, "yes", ParentLink.LINK, variable);
        String[][] pairs = {
            {"pipe:[102]", "0100000", "pipe:[101]", "0100001"}, // swapped
            {"pipe:[101]", "0100001", "pipe:[101]", "0100001"},
            {"pipe:[102]", "0100000", "pipe:[102]", "0100000"},
            {"pipe:[101]", "0100002", "pipe:[102]", "0100002"}, // opened for both
            {"/dev/null", "0100001", "pipe:[102]", "0100000"},
            {"pipe:[101]", "0100001", "socket:[9]", "02"},
            {"/a\nSEVERE: b", "0100001", "/b", "0100000"},
        };
        for (String[] pair : pairs) {
            for (int i = 0; i < 2; i++) {
                Files.delete(proc.root.resolve("self/fd/" + (3 + i)));
                proc.fd(3 + i, pair[2 * i], pair[2 * i + 1]);
            }
            assertNull(ParentLink.find(environment, proc.fs), String.join(" ", pair));
        }
        assertTrue(
                logs.toString().lines().allMatch(line -> line.startsWith("WARNING " + ParentLink.SENTINEL)),
                logs::toString);
    }

    @Test
    void withoutASentinelOrPipesThereIsNoParent() throws Exception {
        assertNull(ParentLink.find(Map.of(), proc.fs));
        assertNull(ParentLink.find(Map.of(ParentLink.SENTINEL, ""), proc.fs));
        for (int fd : new int[] {3, 4}) {
            Files.delete(proc.root.resolve("self/fd/" + fd));
            assertNull(ParentLink.find(Map.of(ParentLink.SENTINEL, "yes"), proc.fs));
            proc.fd(fd, fd == 3 ? "pipe:[102]" : "pipe:[101]", fd == 3 ? "0100000" : "0100001"); // the wrong ends
            assertNull(ParentLink.find(Map.of(ParentLink.SENTINEL, "yes"), proc.fs));
            Files.delete(proc.root.resolve("self/fd/" + fd));
            proc.fd(fd, "socket:[9]", "02");
            assertNull(ParentLink.find(Map.of(ParentLink.SENTINEL, "yes"), proc.fs));
        }
        assertTrue(logs.has("it was set by hand or inherited"), logs::toString);
    }

    // ---- connections from the parent

    private final Transferring web = new Transferring(Set.of(WEB));
    private static final int CHANNEL = 7;

    /** A child to which a channel was passed, and the parent's end of that. */
    private final class WithChannel implements AutoCloseable {
        final MessageSocket parents = os.openedSocket(CHANNEL);
        final Child child;
        private boolean closed;

        WithChannel() throws Exception {
            proc.fd(CHANNEL, "socket:[107]", "02");
            proc.write(
                    "self/limits", "Max open files            1000                 1000                 files     \n");
            child = new Child(LEVEL_2 + ":transfer." + CHANNEL + ".107", true);
        }

        /** Takes from its listener. */
        WithChannel taking() throws Exception {
            assertTrue(child.life.fds().inherit(WEB).isPresent());
            child.life.register(web);
            return this;
        }

        void assertHeardTakes(String positions) {
            int takes = types().indexOf(Message.TAKES);
            int takeover = types().indexOf(Message.TAKEOVER);
            assertTrue(takes >= 0 && takes < takeover, heard::toString);
            assertEquals(positions, heard.get(takes).text());
        }

        private List<Byte> types() {
            return heard.stream().map(Message::type).toList();
        }

        void awaitGrant() throws Exception {
            Received grant = requireNonNull(parents.receive());
            assertEquals('G', grant.bytes()[0]);
            assertEquals(4, grant.bytes()[4]);
        }

        /** A connection without a record. */
        void send() throws Exception {
            int connection = os.opened(900);
            assertTrue(parents.send(new byte[] {'C', 0, 0, 0, 0, 0, 0, 0, 0}, new int[] {connection}));
            os.close(connection);
        }

        void assertChannelIsClosed() throws Exception {
            Await.until("closed", () -> !os.open().contains(CHANNEL), logs::toString);
            assertNull(parents.receive());
            assertEquals(List.of(), os.mistakes());
        }

        void closeParents() {
            if (!closed) {
                closed = true;
                parents.close();
            }
        }

        @Override
        public void close() {
            closeParents();
        }
    }

    @Test
    void connectionsOfTheParentAreTakenFromTheCommitOn() throws Exception {
        try (WithChannel with = new WithChannel().taking()) {
            CompletableFuture<Void> ready = with.child.takingOver();
            with.assertHeardTakes("0");
            assertEquals(List.of("resume"), web.calls);
            with.child.say(Message.DRAINED);
            with.child.assertServes(ready);
            with.awaitGrant();
            with.send();
            int connection = Await.next("the connection", web.adopted);
            assertTrue(os.open().contains(connection));
            with.child.advance(Housekeeping.DELAY);
            with.parents.shutDown();
            with.closeParents();
            Await.until("closed", () -> !os.open().contains(CHANNEL));
            assertEquals(List.of(), os.mistakes());
        }
    }

    /** It could begin the next upgrade without them. */
    @Test
    void theParentHasExitedWhenWhatItHasSentIsTaken() throws Exception {
        try (WithChannel with = new WithChannel().taking()) {
            CountDownLatch go = adopting(with);
            with.child.parentDies();
            Await.until("the link has ended", () -> logs.has("the parent has exited"));
            with.child.settle();
            assertFalse(with.child.life.parentExited().isDone());
            Throwable refused = Await.failure(with.child.life.upgrade());
            assertTrue(refused.toString().contains("the parent has not exited yet"), refused::toString);
            go.countDown();
            Await.get(with.child.life.parentExited());
            assertEquals(1, web.adopted.size());
            with.assertChannelIsClosed();
        }
    }

    /** Serves, and is in the middle of adopting a connection until the latch is open. */
    private CountDownLatch adopting(WithChannel with) throws Exception {
        CompletableFuture<Void> ready = with.child.takingOver();
        with.child.say(Message.DRAINED);
        with.child.assertServes(ready);
        with.awaitGrant();
        CountDownLatch adopting = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        web.whenAdopting = () -> {
            adopting.countDown();
            Await.latch(go);
        };
        with.send();
        adopting.await();
        return go;
    }

    @Test
    void aStopTakesWhatIsOnItsWayAndNoMore() throws Exception {
        try (WithChannel with = new WithChannel().taking()) {
            CountDownLatch go = adopting(with);
            with.child.life.stop();
            Await.until("nothing more can be sent", () -> {
                try {
                    return !with.parents.send(new byte[] {'x'}, new int[0]);
                } catch (SystemCallException e) {
                    return e.errno() == Os.EPIPE;
                }
            });
            with.child.settle();
            assertEquals(List.of("resume"), web.calls);
            go.countDown();
            web.await("resume", "release", "drain PT30S");
            assertEquals(1, web.adopted.size());
            web.drained();
            participant.drained();
            Await.get(with.child.life.exit());
            with.assertChannelIsClosed();
        }
    }

    @Test
    void aStopDoesNotWaitForConnectionsForEver() throws Exception {
        try (WithChannel with = new WithChannel().taking()) {
            CountDownLatch go = adopting(with);
            with.child.life.stop();
            web.drained();
            CompletableFuture.runAsync(() -> Await.until("drain", () -> participant.calls.contains("drain")))
                    .thenRun(() -> participant.draining.complete(DrainReport.NOTHING));
            with.child.advanceUntil("exit", with.child.life.exit());
            go.countDown();
        }
    }

    @Test
    void aChannelThatNobodyNeedsIsClosed() throws Exception {
        try (WithChannel with = new WithChannel()) {
            CompletableFuture<Void> ready = with.child.takingOver();
            assertFalse(with.types().contains(Message.TAKES), heard::toString);
            with.child.say(Message.DRAINED);
            with.child.assertServes(ready);
            with.child.advance(Housekeeping.DELAY);
            with.assertChannelIsClosed();
            with.child.parentDies();
            Await.get(with.child.life.parentExited());
        }
    }

    @Test
    void aChildWhoseParentIsKilledBeforeTheTakeoverTakesNothing() throws Exception {
        try (WithChannel with = new WithChannel().taking()) {
            with.child.parentDies();
            with.child.assertServes(with.child.life.ready());
            Await.get(with.child.life.parentExited());
            with.child.advance(Housekeeping.DELAY);
            with.assertChannelIsClosed();
        }
    }

    /** Whoever cannot use it is not waited for by the next upgrade. */
    @Test
    void withoutNativeCodeForItNothingIsTaken() throws Exception {
        os.failMessageSockets();
        try (WithChannel with = new WithChannel().taking()) {
            CompletableFuture<Void> ready = with.child.takingOver();
            with.child.say(Message.DRAINED);
            with.child.assertServes(ready);
            Await.until("logged", () -> logs.has("no connections are taken from the parent"));
            assertFalse(logs.has("a bug in tableflip"), logs::toString);
            with.child.parentDies();
            Await.get(with.child.life.parentExited());
        }
    }

    @Test
    void aParticipantThatTakesNoConnectionsIsNotAnnounced() throws Exception {
        web.transfers = false;
        try (WithChannel with = new WithChannel().taking()) {
            with.child.takingOver();
            assertFalse(with.types().contains(Message.TAKES), heard::toString);
        }
    }
}
