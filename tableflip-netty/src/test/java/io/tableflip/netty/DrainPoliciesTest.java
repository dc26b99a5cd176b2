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
import io.tableflip.core.DrainReport;
import io.tableflip.netty.drain.IdleProbe;
import io.tableflip.testsupport.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
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
        TestServer server = start(DrainPolicy.HANDLERS);
        List<Channel> channels = connect(server, 3);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        DrainEvent event = server.event();
        event.protocol(channels.get(0), "wrong");
        event.protocol(channels.get(0), "b");
        event.notified(channels.get(0));
        event.protocol(channels.get(1), "a");
        channels.forEach(Channel::close);
        DrainReport report = get(drained);
        assertEquals(List.of("a", "b", "other"), List.copyOf(report.protocols().keySet()));
        assertEquals("(a: 1 finished; b: 1 finished, 1 notified; other: 1 finished)", byProtocol(report));
        assertEquals(3, report.finished());
        assertEquals(1, report.notified());
    }

    @Test
    void whatIsCutIsCountedByProtocolToo() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
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
        TestServer server = start(DrainPolicy.HANDLERS.spreadOver(Duration.ofSeconds(2)));
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
        TestServer server = start(DrainPolicy.HANDLERS.spreadOver(Duration.ofSeconds(1)));
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
        TestServer server = start(DrainPolicy.HANDLERS.spreadOver(Duration.ofMinutes(1)));
        Client idle = cleanup.add(server.connect());
        List<Channel> channels = List.of(server.child(), connect(server, 1).get(0));
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofSeconds(2));
        DrainEvent event = server.event();
        channels.get(0).closeFuture().addListener(closed -> idleClosed.complete(event.remaining()));
        channels.get(1).closeFuture().addListener(closed -> busyClosed.complete(event.remaining()));
        event.idle(channels.get(0), true);
        assertEquals(-1, idle.read());
        idle.close();
        DrainReport report = get(drained);
        assertEquals(1, report.idle());
        assertEquals(1, report.forced());
        assertFalse(idleClosed.get(10, TimeUnit.SECONDS).isZero());
        assertEquals(Duration.ZERO, busyClosed.get(10, TimeUnit.SECONDS));
    }

    @Test
    void aSpreadDrainWhoseConnectionsHaveGoneIsOver() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE.spreadOver(Duration.ofSeconds(9)));
        List<Channel> channels = connect(server, 5);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        channels.forEach(Channel::close);
        assertEquals(5, get(drained).finished());
    }

    @Test
    void aQuietConnectionIsClosed() throws Exception {
        TestServer server = start(DrainPolicy.whenIdle(Duration.ofMillis(200)));
        Client client = cleanup.add(server.connect());
        server.child();
        DrainReport report = get(server.drain(LONG));
        assertEquals(1, report.finished());
        assertEquals(-1, client.read());
    }

    @Test
    void oneThatIsReadOrWrittenIsNot() throws Exception {
        TestServer server = start(DrainPolicy.whenIdle(Duration.ofMillis(1500)), new Echo());
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
        TestServer server = start(DrainPolicy.whenIdle(Duration.ofMillis(50)));
        cleanup.add(Client.connect(server.listener().channel().localAddress(), 4096));
        Channel channel = server.child();
        channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[50_000_000]));
        assertEquals(1, get(server.drain(Duration.ofSeconds(1))).forced());
    }

    @Test
    void aQuietTimeBeyondTheTimeoutIsLimited() throws Exception {
        TestServer server = start(DrainPolicy.whenIdle(Duration.ofHours(1)));
        connect(server, 1);
        assertEquals(1, get(server.drain(Duration.ofSeconds(1))).finished());
    }

    @Test
    void aRollbackTakesTheProbeAway() throws Exception {
        TestServer server = start(DrainPolicy.whenIdle(Duration.ofSeconds(1)), new Echo());
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
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server, 3);
        server.drain(LONG);
        for (int i = 0; i < 3; i++) {
            server.event();
        }
        Await.until("said", () -> lines.size() == 3);
        assertEquals(List.of(Level.WARNING, Level.FINE, Level.FINE), lines);
    }

    @Test
    void aHandlerThatNotesAnythingHasAnswered() throws Exception {
        List<Level> lines = unanswered();
        TestServer server = start(DrainPolicy.HANDLERS, new ChannelInboundHandlerAdapter() {
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
        assertThrows(IllegalArgumentException.class, () -> DrainPolicy.CLOSE.spreadOver(Duration.ofNanos(-1)));
        assertThrows(IllegalArgumentException.class, () -> DrainPolicy.whenIdle(Duration.ofNanos(-1)));
        assertEquals(
                "CLOSE over PT1S",
                DrainPolicy.CLOSE.spreadOver(Duration.ofSeconds(1)).toString());
        assertEquals(Optional.of(DrainPolicy.CLOSE).map(DrainPolicy::window), Optional.of(Duration.ZERO));
        assertEquals(
                Set.of("CLOSE"),
                Set.of(DrainPolicy.CLOSE.spreadOver(Duration.ZERO).toString()));
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

    private TestServer start(DrainPolicy policy) throws Exception {
        return TestServer.start(cleanup, policy, pipeline -> {});
    }

    /** With a handler for one connection. */
    private TestServer start(DrainPolicy policy, ChannelInboundHandlerAdapter handler) throws Exception {
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
