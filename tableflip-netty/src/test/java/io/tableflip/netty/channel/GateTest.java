package io.tableflip.netty.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.Groups;
import io.tableflip.netty.TestServer;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class GateTest {
    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final Semaphore reads = new Semaphore(0);
    private final AtomicInteger accepted = new AtomicInteger();

    @Test
    void nothingIsAcceptedBetweenPauseAndResume() throws Exception {
        TestServer server = bound();
        server.upgrader.resume();
        for (int round = 1; round <= 3; round++) {
            server.upgrader.pause();
            connect(server, 5);
            Groups.awaitTurn(server.listener().channel());
            assertEquals(5 * (round - 1), accepted.get());
            server.upgrader.resume();
            awaitAccepted(5 * round);
        }
        assertTrue(server.listener().channel().config().isAutoRead());
    }

    @Test
    void aPauseEndsAcceptingEvenUnderLoad() throws Exception {
        TestServer server = bound();
        server.upgrader.resume();
        for (int round = 0; round < 20; round++) {
            connect(server, 20);
            server.upgrader.pause();
            int atPause = accepted.get();
            connect(server, 1);
            Groups.awaitTurn(server.listener().channel());
            assertEquals(atPause, accepted.get());
            server.upgrader.resume();
        }
        awaitAccepted(20 * 21);
    }

    @Test
    void aPauseOutlastsTheAcceptorThatReadsAgainAfterAnError() throws Exception {
        TestServer server = bound();
        server.upgrader.resume();
        Channel channel = server.listener().channel();
        channel.eventLoop()
                .submit(() -> channel.pipeline().fireExceptionCaught(new IOException("Too many open files")))
                .sync();
        assertFalse(channel.config().isAutoRead(), "the acceptor takes a break");
        server.upgrader.pause();
        reads.drainPermits();
        connect(server, 5);

        assertTrue(reads.tryAcquire(10, TimeUnit.SECONDS), "the acceptor reads again");
        assertTrue(channel.config().isAutoRead());
        Groups.awaitTurn(channel);
        assertEquals(0, accepted.get());

        server.upgrader.resume();
        awaitAccepted(5);
    }

    @Test
    void aUserWhoReadsByHandKeepsThat() throws Exception {
        TestServer server = server();
        server.bootstrap.option(ChannelOption.AUTO_READ, false);
        Channel channel = server.bind(DrainPolicy.HANDLERS);
        server.upgrader.resume();
        connect(server, 2);
        Groups.awaitTurn(channel);
        assertEquals(0, accepted.get());
        channel.read();
        awaitAccepted(1);
        channel.read();
        awaitAccepted(2);

        // this one waits for a connection when the gate is closed
        channel.read();
        server.upgrader.pause();
        connect(server, 2);
        Groups.awaitTurn(channel);
        assertEquals(2, accepted.get());
        assertFalse(channel.config().isAutoRead());
        server.upgrader.resume();
        awaitAccepted(3);
        Groups.awaitTurn(channel);
        assertEquals(3, accepted.get());
    }

    @Test
    void whatIsAskedTwiceIsDoneOnce() throws Exception {
        TestServer server = bound();
        server.upgrader.pause();
        server.upgrader.resume();
        server.upgrader.resume();
        connect(server, 1);
        awaitAccepted(1);
        server.upgrader.pause();
        server.upgrader.pause();
        connect(server, 1);
        Groups.awaitTurn(server.listener().channel());
        assertEquals(1, accepted.get());
        assertNull(server.events.peek());
    }

    private void connect(TestServer server, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            cleanup.add(server.connect());
        }
    }

    private void awaitAccepted(int count) {
        Await.until(count + " accepted", () -> accepted.get() == count);
    }

    private TestServer bound() throws Exception {
        TestServer server = server();
        server.bind(DrainPolicy.HANDLERS);
        return server;
    }

    private TestServer server() {
        TestServer server = cleanup.add(new TestServer(pipeline -> {}));
        server.bootstrap.handler(new ChannelDuplexHandler() {
            @Override
            public void read(ChannelHandlerContext ctx) {
                reads.release();
                ctx.read();
            }

            @Override
            public void channelRead(ChannelHandlerContext ctx, Object msg) {
                accepted.incrementAndGet();
                ctx.fireChannelRead(msg);
            }
        });
        return server;
    }
}
