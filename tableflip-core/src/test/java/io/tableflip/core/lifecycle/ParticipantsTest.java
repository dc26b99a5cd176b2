package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Logs;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ParticipantsTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(7);

    private final Participants participants = new Participants(Runnable::run, new Workers("participants-of-a-test", 4));

    /** Notes its calls, and whether two were under way at once. */
    static class Recorder implements Participant {
        final List<String> calls = new CopyOnWriteArrayList<>();
        final AtomicInteger inside = new AtomicInteger();
        volatile boolean overlapped;
        volatile DrainReport report = DrainReport.NOTHING;
        volatile Set<FdName> serves = Set.of();

        @Override
        public Set<FdName> serves() {
            return serves;
        }

        @Override
        public CompletionStage<?> retire() {
            return called("retire");
        }

        CompletionStage<?> called(String name) {
            overlapped |= inside.incrementAndGet() > 1;
            calls.add(name);
            inside.decrementAndGet();
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<?> pause() {
            return called("pause");
        }

        @Override
        public CompletionStage<DrainReport> drain(Duration timeout) {
            called("drain " + timeout);
            return CompletableFuture.completedFuture(report);
        }

        @Override
        public CompletionStage<?> resume() {
            return called("resume");
        }

        @Override
        public CompletionStage<?> release() {
            return called("release");
        }
    }

    @Test
    void whatTheChildDoesNotServeGoesOnUntilTheCommit() throws Exception {
        FdName web = FdName.listener("tcp", ":80");
        Recorder kept = new Recorder();
        kept.serves = Set.of(web);
        kept.report = DrainReport.builder().finished(3).build();
        Recorder other = new Recorder();
        other.serves = Set.of(web, FdName.listener("tcp", ":81"));
        participants.add(kept);
        participants.add(other);
        Await.get(participants.resume());
        participants.keep(Set.of(web));
        participants.pause();
        assertEquals(0, Await.get(participants.drain(TIMEOUT)).finished());
        assertEquals(List.of("resume"), kept.calls);
        participants.release();
        assertEquals(3, Await.get(participants.drainLate(TIMEOUT, null)).finished());
        Await.until("released", () -> other.calls.contains("release"));
        assertEquals(List.of("resume", "retire", "drain PT7S", "release"), kept.calls);
        assertEquals(List.of("resume", "pause", "drain PT7S", "release"), other.calls);
    }

    @Test
    void whatCannotRetireIsDrainedAndReleasedNevertheless() throws Exception {
        Recorder kept = new Recorder() {
            @Override
            public CompletionStage<?> retire() {
                throw new IllegalStateException("on purpose");
            }
        };
        kept.serves = Set.of(FdName.listener("tcp", ":80"));
        participants.add(kept);
        participants.keep(kept.serves);
        try (Logs logs = new Logs()) {
            Await.get(participants.drainLate(TIMEOUT, null));
            Await.until("released", () -> kept.calls.contains("release"));
            assertEquals(List.of("drain PT7S", "release"), kept.calls);
            assertTrue(logs.has("retire failed"), logs::toString);
        }
    }

    @Test
    void afterARollbackItHasNeverStopped() throws Exception {
        Recorder kept = new Recorder();
        kept.serves = Set.of(FdName.listener("tcp", ":80"));
        participants.add(kept);
        Await.get(participants.resume());
        participants.keep(kept.serves);
        participants.pause();
        participants.drain(TIMEOUT);
        Await.get(participants.resume());
        assertEquals(List.of("resume"), kept.calls);
        Await.get(participants.pause());
        assertEquals(List.of("resume", "pause"), kept.calls, "the next child may serve it");
    }

    @Test
    void whoDoesNotSayWhatItServesIsPaused() throws Exception {
        Participant throwing = new Participant() {
            @Override
            public Set<FdName> serves() {
                throw new IllegalStateException("on purpose");
            }
        };
        participants.add(throwing);
        try (Logs logs = new Logs()) {
            participants.keep(Set.of());
            assertTrue(logs.has("serves failed"), logs::toString);
        }
        assertEquals(DrainReport.NOTHING, Await.get(participants.drainLate(TIMEOUT, null)));
    }

    @Test
    void callsComeInOrderAndOneAfterTheOther() throws Exception {
        Recorder recorder = new Recorder();
        participants.add(recorder);
        List<String> expected = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 200; i++) {
            participants.resume();
            participants.pause();
            participants.drain(TIMEOUT);
            expected.addAll(List.of("resume", "pause", "drain PT7S"));
        }
        Await.get(participants.release());
        expected.add("release");
        assertEquals(expected, recorder.calls);
        assertFalse(recorder.overlapped);
    }

    @Test
    void oneThatBlocksHoldsUpNobodyElse() throws Exception {
        CountDownLatch unblock = new CountDownLatch(1);
        Recorder blocking = new Recorder() {
            @Override
            CompletionStage<?> called(String name) {
                try {
                    unblock.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return super.called(name);
            }
        };
        Recorder other = new Recorder();
        participants.add(blocking);
        participants.add(other);
        CompletableFuture<Void> resumed = participants.resume();
        CompletableFuture<Void> paused = participants.pause();
        Await.until("the other one", () -> other.calls.equals(List.of("resume", "pause")));
        assertFalse(resumed.isDone() || paused.isDone());
        unblock.countDown();
        Await.get(paused);
        assertEquals(List.of("resume", "pause"), blocking.calls);
    }

    @Test
    void exceptionsAreLoggedAndHurtNobody() throws Exception {
        Participant throwing = new Participant() {
            @Override
            public CompletionStage<?> resume() {
                throw new AssertionError("thrown");
            }

            @Override
            public CompletionStage<?> pause() {
                return CompletableFuture.failedFuture(new IllegalStateException("failed stage"));
            }

            @Override
            @SuppressWarnings("NullAway") // what a user may do
            public CompletionStage<?> release() {
                return null;
            }

            @Override
            public CompletionStage<DrainReport> drain(Duration timeout) {
                throw new IllegalStateException("drain thrown");
            }
        };
        Recorder other = new Recorder();
        other.report = DrainReport.builder().finished(3).build();
        participants.add(throwing);
        participants.add(other);
        try (Logs logs = new Logs()) {
            Await.get(participants.resume());
            Await.get(participants.pause());
            DrainReport report = Await.get(participants.drain(TIMEOUT));
            Await.get(participants.release());
            assertEquals(3, report.finished());
            assertEquals(List.of("resume", "pause", "drain PT7S", "release"), other.calls);
            assertTrue(logs.has("thrown") && logs.has("failed stage") && logs.has("drain thrown"), logs::toString);
            assertTrue(logs.has("release failed"), logs::toString);
        }
    }

    @Test
    void oddDrainsCountAsNothing() throws Exception {
        participants.add(drainingWith(CompletableFuture.failedFuture(new IllegalStateException("no"))));
        participants.add(drainingWith(CompletableFuture.completedFuture(null)));
        participants.add(drainingWith(CompletableFuture.completedFuture(DrainReport.builder()
                .finished(1)
                .idle(2)
                .forced(3)
                .notified(4)
                .elapsed(TIMEOUT)
                .build())));
        participants.add(drainingWith(CompletableFuture.completedFuture(DrainReport.builder()
                .finished(10)
                .elapsed(Duration.ofSeconds(1))
                .build())));
        try (Logs logs = new Logs()) {
            DrainReport report = Await.get(participants.drain(TIMEOUT));
            assertEquals(16, report.total(), logs::toString);
            assertEquals(
                    "16 connections: 11 finished, 2 idle closed, 3 forced; 4 notified; 7000 ms", report.toString());
        }
    }

    @SuppressWarnings("NullAway") // a stage may complete with null, whatever its type says
    private static Participant drainingWith(CompletionStage<?> stage) {
        return new Participant() {
            @Override
            @SuppressWarnings("unchecked")
            public CompletionStage<DrainReport> drain(Duration timeout) {
                return (CompletionStage<DrainReport>) stage;
            }
        };
    }

    @Test
    void aDrainLastsAsLongAsTheSlowestOne() throws Exception {
        CompletableFuture<DrainReport> slow = new CompletableFuture<>();
        participants.add(drainingWith(slow));
        Recorder other = new Recorder();
        participants.add(other);
        CompletableFuture<DrainReport> drained = participants.drain(TIMEOUT);
        Await.until("the other one", () -> other.calls.contains("drain PT7S"));
        assertFalse(drained.isDone());
        slow.complete(DrainReport.NOTHING);
        Await.get(drained);
    }

    @Test
    void oneThatIsAddedLateGetsInStep() throws Exception {
        Recorder whilePaused = new Recorder();
        Recorder whileRunning = new Recorder();
        Recorder whileReleased = new Recorder();
        participants.add(whilePaused);
        Await.get(participants.resume());
        participants.add(whileRunning);
        participants.add(whileRunning); // twice is once
        Await.get(participants.release());
        participants.add(whileReleased);
        Await.until("release", () -> !whileReleased.calls.isEmpty());
        assertEquals(List.of("resume", "release"), whilePaused.calls);
        assertEquals(List.of("resume", "release"), whileRunning.calls);
        assertEquals(List.of("release"), whileReleased.calls);
    }

    @Test
    void oneThatIsRemovedGetsNoMoreCalls() throws Exception {
        Recorder removed = new Recorder();
        participants.add(removed);
        Await.get(participants.resume());
        participants.remove(removed);
        participants.remove(new Recorder());
        Await.get(participants.pause());
        assertEquals(List.of("resume"), removed.calls);
    }

    @Test
    void oneThatIsAddedAgainIsNotCalledTwiceAtOnce() throws Exception {
        CountDownLatch unblock = new CountDownLatch(1);
        CountDownLatch blocked = new CountDownLatch(1);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger calls = new AtomicInteger();
        Participant blocking = new Participant() {
            @Override
            public CompletionStage<?> resume() {
                most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                blocked.countDown();
                Await.latch(unblock);
                calls.incrementAndGet();
                inside.decrementAndGet();
                return CompletableFuture.completedFuture(null);
            }
        };
        Recorder other = new Recorder();
        participants.resume();
        participants.add(blocking);
        blocked.await();
        participants.remove(blocking);
        participants.remove(other); // looks through those that have left
        participants.add(blocking);
        participants.add(other);
        Await.until("the other one", () -> other.calls.equals(List.of("resume")));
        unblock.countDown();
        Await.until("both calls", () -> calls.get() == 2);
        assertEquals(1, most.get());
    }

    @Test
    void equalOnesAreStillTwo() throws Exception {
        AtomicInteger resumed = new AtomicInteger();
        participants.add(new AllEqual(resumed));
        participants.add(new AllEqual(resumed));
        Await.get(participants.resume());
        assertEquals(2, resumed.get());
    }

    private record AllEqual(AtomicInteger resumed) implements Participant {
        @Override
        public CompletionStage<?> resume() {
            resumed.incrementAndGet();
            return CompletableFuture.completedFuture(null);
        }
    }
}
