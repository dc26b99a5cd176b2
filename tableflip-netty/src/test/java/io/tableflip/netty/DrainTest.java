package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerAdapter;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.channel.Listener;
import io.tableflip.netty.drain.AcceptedConnection;
import io.tableflip.testsupport.Await;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class DrainTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final Duration SHORT = Duration.ofMillis(50);

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final CountDownLatch go = new CountDownLatch(1);

    @Test
    void withoutConnectionsItIsOverAtOnce() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        assertEquals(0, get(server.drain(LONG)).total());
    }

    @Test
    void aConnectionThatItsLoopHasNotTakenUpIsCountedAndGetsTheEventWhenItHasItsHandlers() throws Exception {
        TestServer server = server();
        CountDownLatch accepted = new CountDownLatch(1);
        server.bootstrap.handler(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object msg) {
                ctx.fireChannelRead(msg);
                accepted.countDown();
            }
        });
        server.bind(DrainPolicy.HANDLERS);
        server.upgrader.resume();
        block(server.workers);
        Client client = cleanup.add(server.connect());
        Await.latch(accepted);

        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Groups.awaitTurn(server.listener().channel());
        assertFalse(drained.isDone());
        assertNull(server.events.peek());
        go.countDown();
        server.event();
        assertFalse(drained.isDone());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void closeClosesAtOnce() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE);
        Client client = connect(server);
        server.child();
        DrainReport report = get(server.drain(LONG));
        assertEquals(1, report.finished());
        assertEquals(-1, client.read());
        assertNull(server.events.peek());
    }

    @Test
    void aCallbackGetsTheConnectionAndTheEventOnItsLoop() throws Exception {
        CompletableFuture<Optional<DrainEvent>> seen = new CompletableFuture<>();
        TestServer server = start(DrainPolicy.callback((channel, event) -> {
            assertTrue(channel.eventLoop().inEventLoop());
            assertSame(event, DrainEvent.of(channel).orElseThrow());
            event.notified(channel);
            seen.complete(Optional.of(event));
            channel.close();
        }));
        connect(server);
        server.child();
        DrainReport report = get(server.drain(LONG));
        assertEquals(1, report.notified());
        assertTrue(seen.get().orElseThrow().remaining().compareTo(LONG) < 0);
    }

    @Test
    void aCallbackThatFailsLeavesTheConnectionToTheTimeout() throws Exception {
        TestServer server = start(DrainPolicy.callback((channel, event) -> {
            throw new IllegalStateException("test");
        }));
        connect(server);
        server.child();
        assertEquals(1, get(server.drain(SHORT)).forced());
    }

    @Test
    void atTheTimeoutConnectionsAreClosedAndCountedAsWhatTheirHandlersSaid() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client idle = connect(server);
        Channel idleChannel = server.child();
        Client busy = connect(server);
        Channel busyChannel = server.child();
        server.upgrader.pause();
        CompletableFuture<DrainReport> drained = server.upgrader.drain(Duration.ofMillis(500));
        DrainEvent event = server.event();
        event.idle(idleChannel, true);
        event.idle(busyChannel, true);
        event.idle(busyChannel, false);
        DrainReport report = get(drained);
        assertEquals(-1, idle.read());
        assertEquals(-1, busy.read());
        assertEquals(1, report.idle());
        assertEquals(1, report.forced());
        assertEquals(0, report.finished());
        assertTrue(report.elapsed().toMillis() >= 500);
        assertEquals(Duration.ZERO, event.remaining());
    }

    @Test
    void aConnectionThatEndsByItselfIsFinished() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        client.close();
        DrainReport report = get(drained);
        assertEquals(1, report.finished());
        assertEquals(1, report.total());
        assertEquals(0, report.notified());
    }

    @Test
    void aRollbackCancelsTheDrainAndTheNextOneIsNew() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofMillis(500));
        DrainEvent first = server.event();
        server.upgrader.resume();
        assertTrue(first.isCancelled());
        assertEquals(0, get(drained).total());
        assertEquals(Optional.empty(), DrainEvent.of(channel));
        connect(server);
        server.child();
        // past the time at which the first drain would have cut it
        Await.until("past the timeout", () -> first.remaining().isZero());
        Groups.awaitTurn(channel);
        assertTrue(channel.isOpen());

        CompletableFuture<DrainReport> second = server.drain(LONG);
        DrainEvent event = server.event();
        assertNotSame(first, event);
        assertSame(event, server.event());
        client.close();
        Await.until("closed", () -> !channel.isOpen());
        assertFalse(second.isDone());
    }

    @Test
    void aRollbackBeforeTheGateIsClosedCancelsItToo() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        Channel channel = server.child();
        block(server.boss);
        Listener listener = server.listener();
        CompletableFuture<DrainReport> drained =
                listener.drain(Duration.ofMillis(500)).toCompletableFuture();
        CompletableFuture<?> resumed = listener.resume().toCompletableFuture();
        go.countDown();
        resumed.get(10, TimeUnit.SECONDS);
        assertEquals(0, get(drained).total());
        Groups.awaitTurn(channel);
        assertTrue(channel.isOpen());
        connect(server);
        server.child();
    }

    @Test
    void theConnectionsOfAListenerThatItsUserClosedAreStillDrained() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        Channel child = server.child();
        server.listener().channel().close().sync();
        assertTrue(child.isOpen());
        assertTrue(server.upgrader.fds().used().isEmpty());
        assertEquals(1, server.upgrader.participants.size());

        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        assertFalse(drained.isDone());
        client.close();
        assertEquals(1, get(drained).finished());
        Await.until("unregistered", server.upgrader.participants::isEmpty);
    }

    @Test
    void aReleasedListenerIsClosedAndItsConnectionsAreDrained() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        server.child();
        Listener listener = server.listener();
        server.upgrader.release();
        assertThrows(
                ConnectException.class, () -> Client.connect(listener.channel().localAddress()));
        CompletableFuture<DrainReport> drained = server.upgrader.drain(LONG);
        server.event();
        client.close();
        assertEquals(1, get(drained).finished());
        listener.pause().toCompletableFuture().get(10, TimeUnit.SECONDS);
        listener.release().toCompletableFuture().get(10, TimeUnit.SECONDS);
    }

    @Test
    void itIsReleasedWhileItDrains() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.upgrader.release();
        server.event();
        assertFalse(drained.isDone());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void loopsThatTheUserShutsDownEndIt() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        server.close();
        assertEquals(1, get(drained).total());
    }

    @Test
    void loopsThatAreGoneDoNotHoldUpAnything() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        server.child();
        Listener listener = server.listener();
        server.close();
        listener.pause().toCompletableFuture().get(10, TimeUnit.SECONDS);
        // Netty may leave a connection open whose loop was shut down while it was registered.
        assertTrue(get(listener.drain(LONG).toCompletableFuture()).total() <= 1);
        assertTrue(server.upgrader.participants.isEmpty());
        listener.resume().toCompletableFuture().get(10, TimeUnit.SECONDS);
        listener.release().toCompletableFuture().get(10, TimeUnit.SECONDS);
    }

    @Test
    void aLoopWhoseQueueIsFullHasNotEnded() throws Exception {
        TestServer server =
                cleanup.add(new TestServer(new FakeUpgrader(), Groups.epollWithShortQueue(), pipeline -> {}));
        server.bind(DrainPolicy.HANDLERS);
        server.upgrader.resume();
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            clients.add(connect(server));
            server.child();
        }
        block(server.workers);
        assertThrows(RejectedExecutionException.class, () -> fillQueue(server.workers));
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Groups.awaitTurn(server.listener().channel());
        assertFalse(drained.isDone());
        go.countDown();
        for (Client client : clients) {
            server.event();
            client.close();
        }
        assertEquals(40, get(drained).finished());
    }

    private static void fillQueue(EventLoopGroup group) {
        for (int i = 0; i < 100; i++) {
            group.execute(() -> {});
        }
    }

    @Test
    void aBlockedBossHoldsUpNeitherTheEventNorTheTimeout() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        server.child();
        block(server.boss);
        CompletableFuture<DrainReport> drained =
                server.listener().drain(Duration.ofMillis(500)).toCompletableFuture();
        server.event();
        assertFalse(drained.isDone());
        assertEquals(1, get(drained).forced());
        assertEquals(-1, client.read());
        go.countDown();
    }

    @Test
    void aSecondDrainTakesTheConnectionsOfTheFirstOver() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = connect(server);
        server.child();
        CompletableFuture<DrainReport> first = server.drain(LONG);
        DrainEvent event = server.event();
        CompletableFuture<DrainReport> second = server.upgrader.drain(LONG);
        assertNotSame(event, server.event());
        assertTrue(event.isCancelled());
        assertEquals(0, get(first).total());
        client.close();
        assertEquals(1, get(second).finished());
    }

    @Test
    void aDrainThatIsRolledBackLeavesNothingAtAConnection() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        server.child();
        AcceptedConnection connection =
                server.listener().connections().iterator().next();
        int before = connection.closed().getNumberOfDependents();
        for (int i = 0; i < 10; i++) {
            server.drain(LONG);
            server.event();
            server.upgrader.resume();
        }
        assertEquals(before, connection.closed().getNumberOfDependents());
    }

    @Test
    void aBlockedLoopDoesNotHoldItUpForEver() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        server.child();
        block(server.workers);
        assertEquals(1, get(server.drain(SHORT)).forced());
        go.countDown();
    }

    @Test
    void aConnectionThatNoLoopTakesIsNotWaitedFor() throws Exception {
        EventLoopGroup nio = Groups.nio();
        cleanup.add(() -> nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        FakeUpgrader upgrader = new FakeUpgrader();
        EventLoopGroup boss = Groups.epoll(1);
        cleanup.add(() -> boss.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        Channel channel = new ServerBootstrap()
                .group(boss, nio)
                .channelFactory(UpgradableServers.of(upgrader)
                        .factory(BindSpec.of(TestServer.ANY_PORT).drain(DrainPolicy.HANDLERS)))
                .childHandler(new ChannelInboundHandlerAdapter())
                .bind(TestServer.ANY_PORT)
                .sync()
                .channel();
        upgrader.resume();
        Client client = cleanup.add(Client.connect(channel.localAddress()));
        assertEquals(-1, client.read());
        upgrader.pause();
        assertEquals(0, get(upgrader.drain(LONG)).total());
    }

    @Test
    void aHandlerThatIsAddedLaterFindsTheEvent() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        Channel channel = server.child();
        server.drain(LONG);
        DrainEvent event = server.event();
        CompletableFuture<DrainEvent> found = new CompletableFuture<>();
        channel.pipeline().addFirst(new ChannelHandlerAdapter() {
            @Override
            public void handlerAdded(ChannelHandlerContext ctx) {
                found.complete(DrainEvent.of(ctx.channel()).orElseThrow());
            }
        });
        assertSame(event, found.get(10, TimeUnit.SECONDS));
    }

    @Test
    void anApplicationMayEmptyThePipelineWhenTheConnectionIsActive() throws Exception {
        CompletableFuture<Object> seen = new CompletableFuture<>();
        TestServer server = cleanup.add(new TestServer(pipeline -> pipeline.addLast(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelActive(ChannelHandlerContext ctx) {
                while (ctx.pipeline().last() != null) {
                    ctx.pipeline().removeLast();
                }
                ctx.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                    @Override
                    public void userEventTriggered(ChannelHandlerContext own, Object event) {
                        seen.complete(event);
                    }
                });
            }
        })));
        server.bind(DrainPolicy.HANDLERS);
        server.upgrader.resume();
        block(server.workers);
        connect(server);
        Await.until("accepted", () -> !server.listener().connections().isEmpty());
        server.drain(LONG);
        go.countDown();
        assertInstanceOf(DrainEvent.class, seen.get(10, TimeUnit.SECONDS));
    }

    @Test
    void nothingStaysInThePipeline() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        connect(server);
        Channel channel = server.child();
        Groups.awaitTurn(channel);
        assertEquals(
                2,
                channel.pipeline().names().size(),
                () -> channel.pipeline().names().toString());
    }

    private void block(EventLoopGroup group) {
        cleanup.add(go::countDown);
        CountDownLatch blocked = new CountDownLatch(1);
        group.execute(() -> {
            blocked.countDown();
            Await.latch(go);
        });
        Await.latch(blocked);
    }

    private static DrainReport get(CompletableFuture<DrainReport> drained) throws Exception {
        return drained.get(10, TimeUnit.SECONDS);
    }

    private Client connect(TestServer server) throws Exception {
        return cleanup.add(server.connect());
    }

    private TestServer start(DrainPolicy policy) throws Exception {
        return TestServer.start(cleanup, policy, pipeline -> {});
    }

    private TestServer server() {
        return cleanup.add(new TestServer(pipeline -> {}));
    }
}
