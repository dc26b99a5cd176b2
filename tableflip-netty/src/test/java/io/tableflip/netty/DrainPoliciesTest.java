package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tableflip.core.DrainReport;
import io.tableflip.testsupport.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Policies beyond asking at once, and what is counted by protocol. */
@Timeout(30)
class DrainPoliciesTest {
    private static final Duration LONG = Duration.ofSeconds(20);

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    @Test
    void theReportCountsByProtocol() throws Exception {
        TestServer server = start(Drain.HANDLERS);
        List<Channel> channels = connect(server, 3);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        DrainEvent event = server.event();
        event.protocol(channels.get(0), "wrong");
        event.protocol(channels.get(0), "b");
        event.told(channels.get(0));
        event.protocol(channels.get(1), "a");
        channels.forEach(Channel::close);
        DrainReport report = get(drained);
        assertEquals(List.of("a", "b", "other"), List.copyOf(report.protocols().keySet()));
        assertEquals("(a: 1 finished; b: 1 finished, 1 told; other: 1 finished)", byProtocol(report));
        assertEquals(3, report.finished());
        assertEquals(1, report.told());
    }

    @Test
    void whatIsCutIsCountedByProtocolToo() throws Exception {
        TestServer server = start(Drain.HANDLERS);
        List<Channel> channels = connect(server, 2);
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofMillis(500));
        DrainEvent event = server.event();
        event.protocol(channels.get(0), "a");
        event.idle(channels.get(0), true);
        assertEquals("(a: 1 idle closed; other: 1 forced)", byProtocol(get(drained)));
    }

    private static String byProtocol(DrainReport report) {
        return report.toString().substring(report.toString().indexOf('('));
    }

    @Test
    void aSpreadDrainDoesNotAskAllAtOnceButAllInTime() throws Exception {
        TestServer server = start(Drain.HANDLERS.spreadOver(Duration.ofSeconds(2)));
        List<Channel> channels = connect(server, 20);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        assertTrue(channels.stream().anyMatch(channel -> DrainEvent.of(channel).isEmpty()), "all were asked at once");
        for (int i = 1; i < 20; i++) {
            server.event();
        }
        assertFalse(drained.isDone());
        channels.forEach(Channel::close);
        assertEquals(20, get(drained).finished());
    }

    @Test
    void afterARollbackNobodyElseIsAskedAndTheNextDrainAsksAll() throws Exception {
        TestServer server = start(Drain.HANDLERS.spreadOver(Duration.ofSeconds(1)));
        List<Channel> channels = connect(server, 10);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        DrainEvent first = server.event();
        server.upgrader.resume();
        get(drained);
        server.events.clear();
        Await.until("past the window", () -> first.remaining().compareTo(LONG.minusSeconds(2)) < 0);
        assertNull(server.events.peek());
        assertTrue(channels.stream().allMatch(Channel::isOpen));

        CompletableFuture<DrainReport> second = server.drain(LONG);
        for (int i = 0; i < 10; i++) {
            assertFalse(server.event() == first);
        }
        channels.forEach(Channel::close);
        assertEquals(10, get(second).finished());
    }

    @Test
    void idleConnectionsAreClosedBeforeTheTimeoutAndOthersAtIt() throws Exception {
        CompletableFuture<Duration> idleClosed = new CompletableFuture<>();
        CompletableFuture<Duration> busyClosed = new CompletableFuture<>();
        TestServer server = start(Drain.HANDLERS.spreadOver(Duration.ofMinutes(1)));
        List<Channel> channels = connect(server, 2);
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofSeconds(2));
        DrainEvent event = server.event();
        channels.get(0).closeFuture().addListener(closed -> idleClosed.complete(event.remaining()));
        channels.get(1).closeFuture().addListener(closed -> busyClosed.complete(event.remaining()));
        event.idle(channels.get(0), true);
        DrainReport report = get(drained);
        assertEquals(1, report.idle());
        assertEquals(1, report.forced());
        assertFalse(idleClosed.get(10, TimeUnit.SECONDS).isZero());
        assertEquals(Duration.ZERO, busyClosed.get(10, TimeUnit.SECONDS));
    }

    @Test
    void aSpreadDrainWhoseConnectionsHaveGoneIsOver() throws Exception {
        TestServer server = start(Drain.CLOSE.spreadOver(Duration.ofSeconds(9)));
        List<Channel> channels = connect(server, 5);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        channels.forEach(Channel::close);
        assertEquals(5, get(drained).finished());
    }

    @Test
    void inAnOverlapConnectionsAreAcceptedAndNobodyIsAsked() throws Exception {
        TestServer server = start(Drain.HANDLERS.overlapping(Duration.ofHours(1)));
        List<Channel> channels = new ArrayList<>(connect(server, 1));
        server.upgrader.pause(); // does not wait for its end
        CompletableFuture<DrainReport> drained = server.upgrader.drain(LONG);
        channels.addAll(connect(server, 1));
        assertTrue(channels.stream().allMatch(channel -> DrainEvent.of(channel).isEmpty()));
        assertFalse(drained.isDone());

        server.upgrader.resume(); // a rollback
        assertEquals(0, get(drained).total());
        channels.addAll(connect(server, 1));
        assertTrue(channels.stream().allMatch(channel -> DrainEvent.of(channel).isEmpty()));
        assertNull(server.events.peek());
    }

    @Test
    void afterTheOverlapAllAreAskedAndNobodyIsAccepted() throws Exception {
        TestServer server = start(Drain.HANDLERS.overlapping(Duration.ofMillis(300)));
        List<Channel> channels = connect(server, 2);
        server.upgrader.pause(); // does not wait for its end
        CompletableFuture<DrainReport> drained = server.upgrader.drain(LONG);
        server.event();
        server.event();
        Await.until("the overlap is over", () -> !server.listener().isRunning());
        server.listener().moveGate(false).get(10, TimeUnit.SECONDS); // as it was told already
        cleanup.add(server.connect()); // in the kernel's queue: for the new process
        channels.forEach(Channel::close);
        assertEquals(2, get(drained).finished());
        assertNull(server.children.peek());
        server.upgrader.resume();
        server.child();
    }

    @Test
    void aRollbackWhileTheOverlapEndsHasTheLastWord() throws Exception {
        TestServer server = start(Drain.HANDLERS.overlapping(Duration.ofMillis(100)));
        Slow slow = new Slow();
        server.listener().children().add(new Child(slow, Drain.HANDLERS));
        slow.begun = new CountDownLatch(1);
        server.upgrader.pause(); // does not wait for its end
        CompletableFuture<DrainReport> drained = server.upgrader.drain(LONG);
        slow.begun.await();
        server.upgrader.resume();
        slow.go.countDown();
        get(drained);
        // what had begun has ended: one thread has all timers
        new CompletableFuture<Void>()
                .completeOnTimeout(null, 1, TimeUnit.MILLISECONDS)
                .thenRun(() -> {})
                .get(10, TimeUnit.SECONDS);
        connect(server, 1);
    }

    /** Holds up who asks whether it is open, from some time on. */
    private static final class Slow extends EmbeddedChannel {
        final CountDownLatch go = new CountDownLatch(1);
        volatile @Nullable CountDownLatch begun;

        @Override
        public boolean isOpen() {
            CountDownLatch asked = begun;
            if (asked != null) {
                asked.countDown();
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            return super.isOpen();
        }
    }

    @Test
    void anOverlapEndsWithTheCommit() throws Exception {
        TestServer server = start(Drain.HANDLERS.overlapping(Duration.ofHours(1)));
        List<Channel> channels = connect(server, 1);
        server.upgrader.pause(); // does not wait for its end
        CompletableFuture<DrainReport> drained = server.upgrader.drain(LONG);
        server.upgrader.release();
        server.event();
        channels.forEach(Channel::close);
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aDrainForGoodHasNoOverlap() throws Exception {
        TestServer server = start(Drain.HANDLERS.overlapping(Duration.ofHours(1)));
        List<Channel> channels = connect(server, 1);
        CompletableFuture<DrainReport> drained = server.upgrader.drain(LONG); // never paused
        server.event();
        channels.forEach(Channel::close);
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aQuietConnectionIsClosed() throws Exception {
        TestServer server = start(Drain.whenIdle(Duration.ofMillis(200)));
        Client client = cleanup.add(server.connect());
        server.child();
        DrainReport report = get(server.drain(LONG));
        assertEquals(1, report.finished());
        assertEquals(-1, client.read());
    }

    @Test
    void oneThatIsReadOrWrittenIsNot() throws Exception {
        TestServer server = start(Drain.whenIdle(Duration.ofMillis(1500)), new Echo());
        Client client = cleanup.add(server.connect());
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Await.until("probed", () -> channel.pipeline().get(IdleProbe.class) != null);
        DrainEvent event = DrainEvent.of(channel).orElseThrow();
        while (event.remaining().compareTo(LONG.minusSeconds(3)) > 0) {
            client.send("x");
            assertEquals('x', client.read());
        }
        assertFalse(drained.isDone());
        assertEquals(1, get(drained).finished());
        assertEquals(-1, client.read());
    }

    @Test
    void oneWithBytesThatItsClientDoesNotTakeIsForced() throws Exception {
        TestServer server = start(Drain.whenIdle(Duration.ofMillis(50)));
        cleanup.add(Client.connect(server.listener().channel().localAddress(), 4096));
        Channel channel = server.child();
        channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[50_000_000]));
        assertEquals(1, get(server.drain(Duration.ofSeconds(1))).forced());
    }

    @Test
    void aQuietTimeBeyondTheTimeoutIsLimited() throws Exception {
        TestServer server = start(Drain.whenIdle(Duration.ofHours(1)));
        connect(server, 1);
        assertEquals(1, get(server.drain(Duration.ofSeconds(1))).finished());
    }

    @Test
    void aRollbackTakesTheProbeAway() throws Exception {
        TestServer server = start(Drain.whenIdle(Duration.ofSeconds(1)), new Echo());
        Client client = cleanup.add(server.connect());
        Channel channel = server.child();
        server.drain(LONG);
        Await.until("probed", () -> channel.pipeline().get(IdleProbe.class) != null);
        DrainEvent event = DrainEvent.of(channel).orElseThrow();
        server.upgrader.resume();
        Await.until("not probed", () -> channel.pipeline().get(IdleProbe.class) == null);
        Await.until("past its time", () -> event.remaining().compareTo(LONG.minusSeconds(2)) < 0);
        client.send("x");
        assertEquals('x', client.read());
    }

    @Test
    void thatNoHandlerHasAnsweredIsSaidOncePerDrain() throws Exception {
        List<Level> lines = unanswered();
        TestServer server = start(Drain.HANDLERS);
        connect(server, 3);
        server.drain(LONG);
        for (int i = 0; i < 3; i++) {
            server.event();
        }
        Await.until("said", () -> lines.size() == 3);
        assertEquals(List.of(Level.INFO, Level.FINE, Level.FINE), lines);
    }

    @Test
    void aHandlerThatNotesAnythingHasAnswered() throws Exception {
        List<Level> lines = unanswered();
        TestServer server = start(Drain.HANDLERS, new ChannelInboundHandlerAdapter() {
            @Override
            public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                ((DrainEvent) event).idle(ctx.channel(), false);
                ctx.fireUserEventTriggered(event);
            }
        });
        Channel channel = connect(server, 1).get(0);
        server.drain(LONG);
        server.event();
        Groups.awaitTurn(channel);
        assertEquals(List.of(), lines);
    }

    @Test
    void timesAreNotNegative() {
        assertThrows(IllegalArgumentException.class, () -> Drain.CLOSE.spreadOver(Duration.ofNanos(-1)));
        assertThrows(IllegalArgumentException.class, () -> Drain.whenIdle(Duration.ofNanos(-1)));
        assertEquals(
                "CLOSE over PT1S", Drain.CLOSE.spreadOver(Duration.ofSeconds(1)).toString());
        assertEquals(Optional.of(Drain.CLOSE).map(Drain::window), Optional.of(Duration.ZERO));
        assertEquals(
                Set.of("CLOSE"), Set.of(Drain.CLOSE.spreadOver(Duration.ZERO).toString()));
    }

    /** The levels of the lines that say so. */
    private List<Level> unanswered() {
        List<Level> lines = new CopyOnWriteArrayList<>();
        Logger logger = Logger.getLogger("io.tableflip");
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord entry) {
                if (entry.getMessage().contains("has answered the drain event")) {
                    lines.add(entry.getLevel());
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        logger.addHandler(handler);
        logger.setLevel(Level.ALL);
        cleanup.add(() -> {
            logger.removeHandler(handler);
            logger.setLevel(null);
        });
        return lines;
    }

    private List<Channel> connect(TestServer server, int number) throws Exception {
        List<Channel> channels = new ArrayList<>();
        for (int i = 0; i < number; i++) {
            cleanup.add(server.connect());
            channels.add(server.child());
        }
        return channels;
    }

    private TestServer start(Drain policy) throws Exception {
        return TestServer.start(cleanup, policy, pipeline -> {});
    }

    /** With a handler for one connection. */
    private TestServer start(Drain policy, ChannelInboundHandlerAdapter handler) throws Exception {
        return TestServer.start(cleanup, policy, pipeline -> pipeline.addLast(handler));
    }

    private static DrainReport get(CompletableFuture<DrainReport> drained) throws Exception {
        return drained.get(15, TimeUnit.SECONDS);
    }

    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            ctx.writeAndFlush((ByteBuf) msg);
        }
    }
}
