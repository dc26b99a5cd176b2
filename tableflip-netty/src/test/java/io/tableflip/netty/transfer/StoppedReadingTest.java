package io.tableflip.netty.transfer;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.Groups;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.engine.Transferable;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A connection whose reading has stopped, over a real socket: what Netty does by itself. */
@Timeout(30)
class StoppedReadingTest {
    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final BlockingQueue<String> seen = new LinkedBlockingQueue<>();

    private final class Application extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            seen.add(((ByteBuf) msg).toString(StandardCharsets.US_ASCII));
            ctx.writeAndFlush(msg);
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            seen.add("inactive");
        }
    }

    private TestServer start(boolean halfClosure) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            pipeline.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, halfClosure);
            pipeline.addLast(new TransferHandler(MessageFraming.lines()), new Application());
        });
    }

    private static <T extends @Nullable Object> T onLoop(Channel channel, Callable<T> step) throws Exception {
        return channel.eventLoop().submit(step).get();
    }

    private static Transferable transferable(Channel channel) {
        return requireNonNull(Transferable.of(channel));
    }

    private static void stop(Channel channel) throws Exception {
        onLoop(channel, () -> {
            transferable(channel).prepare(() -> {});
            return true;
        });
        Groups.awaitTurn(channel);
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static @Nullable String obstacle(Channel channel) throws Exception {
        return onLoop(channel, () -> transferable(channel).obstacle());
    }

    private static void callOff(Channel channel) throws Exception {
        onLoop(channel, () -> {
            transferable(channel).callOff();
            return true;
        });
    }

    @Test
    void nothingIsReadUntilItIsCalledOff() throws Exception {
        TestServer server = start(false);
        try (Socket client = connect(server)) {
            send(client, "one\n");
            assertEquals("one\n", Await.next("a message", seen));
            Channel channel = server.child();
            stop(channel);
            assertNull(obstacle(channel));
            send(client, "two\n");
            Groups.awaitTurn(channel);
            assertEquals(2, onLoop(channel, () -> transferable(channel).record()).length, "nothing but the head");
            assertTrue(seen.isEmpty(), seen::toString);
            callOff(channel);
            assertEquals("two\n", Await.next("a message", seen));
            send(client, "three\n");
            assertEquals("three\n", Await.next("a message", seen));
        }
    }

    /** Netty reads to the end when the client closes its side, and then closes the channel by itself. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatAClientSaysBeforeItLeavesIsHeard(boolean halfClosure) throws Exception {
        TestServer server = start(halfClosure);
        try (Socket client = connect(server)) {
            Channel channel = server.child();
            stop(channel);
            send(client, "last\n");
            client.shutdownOutput();
            Await.until("the end of the input", () -> "half-closed".equals(obstacle(channel)));
            assertTrue(seen.isEmpty(), seen::toString);
            callOff(channel);
            assertEquals("last\n", Await.next("a message", seen));
            byte[] answer = client.getInputStream().readNBytes(5);
            assertEquals("last\n", new String(answer, StandardCharsets.US_ASCII));
            if (halfClosure) {
                assertTrue(channel.isOpen());
            } else {
                assertEquals("inactive", Await.next("the end", seen));
            }
        }
    }

    /** A read that was asked for before the stop is outstanding: its bytes come after it, and no more. */
    @Test
    void whoReadsByHandGetsOneReadAfterwards() throws Exception {
        TestServer server = start(false);
        try (Socket client = connect(server)) {
            Channel channel = server.child();
            onLoop(channel, () -> {
                channel.config().setAutoRead(false);
                channel.read();
                return true;
            });
            stop(channel);
            send(client, "one\n");
            Groups.awaitTurn(channel);
            assertTrue(seen.isEmpty(), seen::toString);
            assertFalse(channel.config().isAutoRead());
            callOff(channel);
            assertEquals("one\n", Await.next("a message", seen));
            send(client, "two\n");
            Groups.awaitTurn(channel);
            assertTrue(seen.isEmpty(), seen::toString);
            onLoop(channel, channel::read);
            assertEquals("two\n", Await.next("a message", seen));
        }
    }

    private static Socket connect(TestServer server) throws IOException {
        return new Socket(server.address().getAddress(), server.address().getPort());
    }
}
