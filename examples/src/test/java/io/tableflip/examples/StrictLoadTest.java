package io.tableflip.examples;

import static io.tableflip.examples.RawServer.BODY;
import static io.tableflip.examples.RawServer.ok;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Proves the client: each kind of misbehaviour is seen, as what it is, as often as it occurs. */
@Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StrictLoadTest {
    private static final String OK = ok(BODY);
    private static final String HALF = OK.substring(0, OK.length() - 10);

    /** 20 requests in 200 ms, half of them on new connections. */
    private static StrictLoad.Builder load(InetSocketAddress target) {
        return StrictLoad.builder()
                .target(target)
                .rate(100)
                .duration(Duration.ofMillis(200))
                .connections(3)
                .thinkTimes(Duration.ZERO, Duration.ofMillis(10))
                .newShare(0.5);
    }

    private static LoadResult run(StrictLoad.Builder builder) throws IOException {
        try (StrictLoad load = builder.start()) {
            return load.await();
        }
    }

    private static LoadResult against(RawServer.Behaviour behaviour) throws IOException {
        try (RawServer server = new RawServer(behaviour)) {
            LoadResult result = run(load(server.address()));
            assertTrue(server.requests() <= result.counts().requests(), "a request was sent twice");
            return result;
        }
    }

    /** All 20 requests fail in this way. */
    private static void assertAllFail(FailureKind kind, RawServer.Behaviour behaviour) throws IOException {
        assertAllFail(kind, against(behaviour));
    }

    private static void assertAllFail(FailureKind kind, LoadResult result) {
        assertEquals(Map.of(kind, 20L), result.counts().failures(), () -> String.join("\n", result.details()));
        assertEquals(0, result.counts().answered());
        assertEquals(20, result.counts().requests());
        assertEquals(
                20,
                result.samples().filter(s -> s.failure().orElseThrow() == kind).count());
        assertEquals(20, result.details().size());
        assertFalse(result.isClean());
    }

    @Test
    void aGoodServer() throws Exception {
        LoadResult result = against(connection -> connection.answerAll(OK));
        assertTrue(result.isClean(), () -> String.join("\n", result.details()));
        assertEquals(20, result.counts().answered());
        assertEquals(Map.of(new ServerId(7, 2), 20L), result.counts().byServer());
        assertEquals(0, result.counts().told());
        assertEquals(20, result.latencies().count());
        assertTrue(result.counts().connects() >= 4, "new connections and kept ones");
        assertTrue(result.counts().connects() < 20, "some requests share a connection");
    }

    @Test
    void samplesTellWhoAnsweredAndOnWhichConnection() throws Exception {
        LoadResult result = against(connection -> connection.answerAll(OK));
        assertTrue(result.samples().allMatch(s -> s.server().equals(new ServerId(7, 2))));
        long fresh = result.samples().filter(LoadSample::onNewConnection).count();
        assertTrue(fresh > 0 && fresh < 20, () -> fresh + " of 20 on new connections");
        LoadResult broken = against(RawServer.Connection::request);
        assertTrue(broken.samples().allMatch(s -> s.server().equals(ServerId.UNKNOWN)));
    }

    @Test
    void withoutHelpersRequestsWaitForAKeptConnection() throws Exception {
        try (RawServer server = new RawServer(connection -> connection.answerAll(OK))) {
            LoadResult result = run(load(server.address())
                    .connections(2)
                    .thinkTimes(Duration.ZERO)
                    .newShare(0)
                    .rate(10_000)
                    .duration(Duration.ofMillis(2))
                    .withoutHelpers());
            assertEquals(20, result.counts().answered());
            assertEquals(2, result.counts().connects());
        }
    }

    @Test
    void refused() throws Exception {
        InetSocketAddress nobody;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = (InetSocketAddress) socket.getLocalSocketAddress();
        }
        assertAllFail(FailureKind.REFUSED, run(load(nobody)));
    }

    @Test
    void resetBeforeTheResponse() throws Exception {
        assertAllFail(FailureKind.RESET, connection -> {
            connection.request();
            connection.reset();
        });
    }

    @Test
    void resetOnAccept() throws Exception {
        assertAllFail(FailureKind.RESET, RawServer.Connection::reset);
    }

    @Test
    void resetWithinTheResponse() throws Exception {
        assertAllFail(FailureKind.RESET, connection -> {
            connection.request();
            connection.write(HALF);
            connection.reset();
        });
    }

    @Test
    void endBeforeTheResponse() throws Exception {
        assertAllFail(FailureKind.EOF, RawServer.Connection::request);
    }

    @Test
    void endWithinTheBody() throws Exception {
        assertAllFail(FailureKind.PARTIAL, connection -> {
            connection.request();
            connection.write(HALF);
        });
    }

    @Test
    void endWithinTheHead() throws Exception {
        assertAllFail(FailureKind.PARTIAL, connection -> {
            connection.request();
            connection.write("HTTP/1.1 2");
        });
    }

    @Test
    void endWithoutTheLastChunk() throws Exception {
        assertAllFail(FailureKind.PARTIAL, connection -> {
            connection.request();
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + Integer.toHexString(BODY.length()) + "\r\n" + BODY + "\r\n");
        });
    }

    @Test
    void stall() throws Exception {
        try (RawServer server = new RawServer(RawServer.Connection::stall)) {
            LoadResult result = run(load(server.address()).timeout(Duration.ofMillis(150)));
            assertAllFail(FailureKind.TIMEOUT, result);
            assertTrue(result.latencies(s -> true).count() == 0);
            assertTrue(result.samples().allMatch(s -> s.latencyNanos() >= 150_000_000));
        }
    }

    @Test
    void stallWithinTheResponse() throws Exception {
        try (RawServer server = new RawServer(connection -> {
            connection.request();
            connection.write(HALF);
            connection.stall();
        })) {
            assertAllFail(FailureKind.TIMEOUT, run(load(server.address()).timeout(Duration.ofMillis(150))));
        }
    }

    @Test
    void aPortWhereNobodyAccepts() throws Exception {
        // The queue of a listener with backlog 1 holds two connections; to the others the kernel does not answer.
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress address = (InetSocketAddress) server.getLocalSocketAddress();
            assertAllFail(FailureKind.TIMEOUT, run(load(address).newShare(1).timeout(Duration.ofMillis(150))));
        }
    }

    @Test
    void garbage() throws Exception {
        assertAllFail(FailureKind.BAD, connection -> connection.answerAll("\0\1\2 what?"));
    }

    @Test
    void otherStatus() throws Exception {
        assertAllFail(
                FailureKind.BAD, connection -> connection.answerAll("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"));
    }

    @Test
    void otherBody() throws Exception {
        assertAllFail(FailureKind.BAD, connection -> connection.answerAll(ok("<h1>It works!</h1>\n")));
    }

    @Test
    void twoResponses() throws Exception {
        assertAllFail(FailureKind.BAD, connection -> connection.answerAll(OK + OK));
    }

    @Test
    void otherBodyFromTheSameProcess() throws Exception {
        AtomicInteger count = new AtomicInteger();
        LoadResult result = against(connection -> {
            while (connection.request() != null) {
                connection.write(ok(count.getAndIncrement() == 0 ? BODY : BODY.replace("hi", "ho")));
            }
        });
        assertEquals(Map.of(FailureKind.BAD, 19L), result.counts().failures());
    }

    @Test
    void anyBodyOnDemand() throws Exception {
        try (RawServer server = new RawServer(connection -> connection.answerAll(ok("<h1>It works!</h1>\n")))) {
            LoadResult result = run(load(server.address()).anyBody());
            assertTrue(result.isClean());
            assertEquals(Map.of(ServerId.UNKNOWN, 20L), result.counts().byServer());
        }
    }

    @Test
    void endOfAnIdleConnectionIsNoFailure() throws Exception {
        LoadResult result = against(connection -> {
            connection.request();
            connection.write(OK);
        });
        assertTrue(result.isClean(), () -> String.join("\n", result.details()));
        assertTrue(result.counts().idleEofs() > 0);
        assertEquals(20, result.counts().connects());
    }

    @Test
    void announcedEndIsObeyed() throws Exception {
        // The server leaves the closing to the client: a client that sent more would be answered.
        LoadResult result =
                against(connection -> connection.answerAll(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")));
        assertTrue(result.isClean(), () -> String.join("\n", result.details()));
        assertEquals(20, result.counts().connects());
        assertTrue(result.counts().told() > 0);
        assertEquals(0, result.counts().idleEofs());
    }

    @Test
    void endAfterARequestIsAFailure() throws Exception {
        // Closes in answer to the second request on a connection: what a server without a drain does.
        LoadResult result = against(connection -> {
            connection.request();
            connection.write(OK);
            connection.request();
        });
        long failed = result.counts().failures().getOrDefault(FailureKind.EOF, 0L);
        assertTrue(failed > 0);
        assertEquals(failed, result.counts().failed());
        assertEquals(20, failed + result.counts().answered());
        assertTrue(
                result.details().get(0).contains("kept connection"),
                result.details().get(0));
        assertTrue(
                result.details().get(0).contains("process 7 (generation 2)"),
                result.details().get(0));
    }

    @Test
    void resetOfAnIdleConnection() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        LoadResult result = againstIdle(answered, connection -> {
            connection.request();
            connection.write(OK);
            awaitUninterruptibly(answered);
            connection.reset();
        });
        assertEquals(Map.of(FailureKind.IDLE_BROKEN, 1L), result.counts().failures());
        assertEquals(1, result.counts().requests());
        assertFalse(result.isClean());
    }

    @Test
    void bytesOnAnIdleConnection() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        LoadResult result = againstIdle(answered, connection -> {
            connection.request();
            connection.write(OK);
            awaitUninterruptibly(answered);
            connection.write("HTTP/1.1 408 Too Late\r\n\r\n");
            connection.stall();
        });
        assertEquals(Map.of(FailureKind.IDLE_BROKEN, 1L), result.counts().failures());
    }

    /** Sends one request, tells when it was answered, and stays until a failure is seen. */
    private static LoadResult againstIdle(CountDownLatch answered, RawServer.Behaviour behaviour) throws Exception {
        try (RawServer server = new RawServer(behaviour);
                StrictLoad load = StrictLoad.builder()
                        .target(server.address())
                        .rate(0.01)
                        .newShare(0)
                        .start()) {
            awaitTrue(() -> load.counts().answered() > 0);
            answered.countDown();
            awaitTrue(() -> load.counts().failed() > 0);
            return load.stop();
        }
    }

    /** 20 requests are due while the server holds back its answers. */
    @Test
    void noMoreRequestsAreInFlightThanMayBe() throws IOException {
        long begin = System.nanoTime();
        try (RawServer server = new RawServer(connection -> {
            while (connection.request() != null) {
                awaitTrue(() -> System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(300));
                connection.write(OK);
            }
        })) {
            LoadResult result = run(load(server.address()).maxInFlight(2));
            assertEquals(2, result.counts().requests());
            assertTrue(result.isClean());
        }
    }

    private static void awaitTrue(BooleanSupplier condition) {
        long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - begin < TimeUnit.MINUTES.toNanos(1), "not within a minute");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void waitingCountsAsLatency() throws Exception {
        // The first six requests are held up until the last is due; the others stand in line meanwhile.
        CountDownLatch held = new CountDownLatch(6);
        CountDownLatch due = new CountDownLatch(1);
        try (RawServer server = new RawServer(connection -> {
                    while (connection.request() != null) {
                        held.countDown();
                        awaitUninterruptibly(due);
                        connection.write(OK);
                    }
                });
                StrictLoad load = load(server.address()).newShare(0).start()) {
            long begin = System.nanoTime();
            awaitUninterruptibly(held);
            // time itself is the condition: from then on every request is due
            awaitTrue(() -> System.nanoTime() - begin >= 200_000_000);
            assertEquals(6, server.requests(), "three connections that are kept, three that help out");
            due.countDown();
            LoadResult result = load.await();
            assertTrue(result.isClean(), () -> String.join("\n", result.details()));
            // The first request was due 190 ms before the last.
            assertTrue(result.latencies().quantile(1).toMillis() >= 190);
            assertTrue(result.latencies().quantile(0.5).toMillis() >= 90);
        }
    }

    @Test
    void waitingTimesOut() throws Exception {
        try (RawServer server = new RawServer(RawServer.Connection::stall)) {
            // All 20 within two milliseconds, for two connections: some time out before they have one.
            LoadResult result = run(load(server.address())
                    .rate(10_000)
                    .duration(Duration.ofMillis(2))
                    .connections(1)
                    .newShare(0)
                    .timeout(Duration.ofMillis(100)));
            assertAllFail(FailureKind.TIMEOUT, result);
        }
    }

    @Test
    void noThoughtIsCutShort() throws Exception {
        try (RawServer server = new RawServer(connection -> connection.answerAll(OK))) {
            LoadResult result =
                    run(load(server.address()).connections(2).newShare(0).thinkTimes(Duration.ofMinutes(1)));
            assertTrue(result.isClean(), () -> String.join("\n", result.details()));
            assertEquals(20, result.counts().connects());
        }
    }

    @Test
    void delayThatWasAskedForIsNoLatency() throws Exception {
        try (RawServer server = new RawServer(connection -> {
            while ("/slow?ms=100".equals(connection.request())) {
                long begin = System.nanoTime();
                while (System.nanoTime() - begin < 100_000_000) {
                    Thread.onSpinWait();
                }
                connection.write(OK);
            }
        })) {
            LoadResult result = run(load(server.address()).rate(10).newShare(1).slow(1, Duration.ofMillis(100)));
            assertTrue(result.isClean(), () -> String.join("\n", result.details()));
            assertTrue(result.latencies().quantile(0.5).toMillis() < 90);
        }
    }

    @Test
    void streamOfTheWrongLength() throws Exception {
        try (RawServer server = new RawServer(connection -> connection.answerAll(ok(BODY + BODY)))) {
            StrictLoad.Builder three = load(server.address()).stream(1, 3, Duration.ZERO);
            assertAllFail(FailureKind.BAD, run(three));
            StrictLoad.Builder two = load(server.address()).stream(1, 2, Duration.ZERO);
            assertTrue(run(two).isClean());
        }
    }

    @Test
    void stopWaitsForWhatIsUnderWay() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        CountDownLatch stopped = new CountDownLatch(1);
        try (RawServer server = new RawServer(connection -> {
                    connection.request();
                    arrived.countDown();
                    awaitUninterruptibly(stopped);
                    connection.write(OK);
                });
                StrictLoad load =
                        StrictLoad.builder().target(server.address()).rate(0.01).start()) {
            awaitUninterruptibly(arrived);
            new Thread(stopped::countDown).start();
            assertEquals(1, load.stop().counts().answered());
        }
    }

    @Test
    void closeDoesNotWait() throws Exception {
        try (RawServer server = new RawServer(RawServer.Connection::stall)) {
            StrictLoad load = load(server.address()).start();
            load.close();
            assertEquals(0, load.await().counts().answered());
        }
    }

    @Test
    void impossibleSettings() {
        StrictLoad.Builder builder = StrictLoad.builder();
        assertThrows(IllegalArgumentException.class, () -> builder.rate(0));
        assertThrows(IllegalArgumentException.class, () -> builder.newShare(1.5));
        assertThrows(IllegalArgumentException.class, () -> builder.newShare(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> builder.connections(0));
        assertThrows(IllegalArgumentException.class, builder::thinkTimes);
        assertThrows(IllegalStateException.class, builder::start);
    }
}
