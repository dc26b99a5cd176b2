package io.tableflip.netty.drain;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleUserEventChannelHandler;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.handler.ssl.SslHandler;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.Tls;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whoever closes while the kernel has input that nobody has read gets a reset sent, and written answers are
 * lost.
 */
@Timeout(30)
class LingeringCloseTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    /** Less than what the kernel of the server takes, and more than what that of the client does. */
    private static final int ANSWER = 100_000;

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    static Stream<DrainPolicy> policies() {
        return Stream.of(
                DrainPolicy.CLOSE,
                DrainPolicy.whenIdle(Duration.ofMillis(50)),
                DrainPolicy.callback((channel, event) -> channel.close()),
                DrainPolicy.callback((channel, event) -> channel.disconnect()));
    }

    @ParameterizedTest
    @MethodSource("policies")
    void unreadInputDestroysNoAnswer(DrainPolicy policy) throws Exception {
        TestServer server = start(policy);
        Client client = client(server);
        Channel channel = answered(server, client);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        sendOn(client, channel);
        assertEquals(ANSWER, client.bytes(ANSWER).length());
        assertEquals(-1, client.read());
        client.close();
        DrainReport report = get(drained);
        assertEquals(1, report.finished(), report.toString());
    }

    /** What a client sends before the close, and what it sends during it. */
    private static void sendOn(Client client, Channel channel) throws Exception {
        Await.until("closing", () -> channel.pipeline().get(LingeringClose.class) != null);
        client.send("late ".repeat(2_000));
    }

    @Test
    void aHandlerThatClosesDestroysNoAnswer() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS, pipeline -> pipeline.addLast(new CloseOnDrain()));
        Client client = client(server);
        Channel channel = answered(server, client);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        sendOn(client, channel);
        assertEquals(ANSWER, client.bytes(ANSWER).length());
        assertEquals(-1, client.read());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void norDoesTheCutAtTheTimeout() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = client(server);
        Channel channel = answered(server, client);
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofMillis(300));
        Await.until("cut", () -> channel.pipeline().get(LingeringClose.class) != null && isOutputShutdown(channel));
        assertEquals(ANSWER, client.bytes(ANSWER).length());
        assertEquals(-1, client.read());
        client.close();
        assertEquals(1, get(drained).forced());
    }

    private static boolean isOutputShutdown(Channel channel) {
        return ((DuplexChannel) channel).isOutputShutdown();
    }

    /** More than all kernels take is sent before the close. */
    @Test
    void whatWasNotFlushedYetArrives() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE);
        Client client = client(server);
        Channel channel = server.child();
        channel.config().setAutoRead(false);
        client.send("unread");
        write(channel, 20_000_000);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        client.bytes(20_000_000);
        assertEquals(-1, client.read());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void norDoesTheEndOfTheStreamCutIt() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE);
        Client client = client(server);
        Channel channel = server.child();
        write(channel, 20_000_000);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Await.until("closing", () -> LingeringClose.isClosing(channel));
        client.socket.shutdownOutput();
        Await.until("half closed", () -> ((DuplexChannel) channel).isInputShutdown());
        client.bytes(20_000_000);
        assertEquals(-1, client.read());
        assertEquals(1, get(drained).finished());
    }

    @Test
    void whatTheClientDoesNotTakeIsCountedAsForced() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE);
        Client client = client(server);
        answered(server, client);
        DrainReport report = get(server.drain(Duration.ofSeconds(1)));
        assertEquals(1, report.forced(), report.toString());
    }

    @Test
    void whatStandsInTheKernelIsNotIdle() throws Exception {
        TestServer server = start(DrainPolicy.whenIdle(Duration.ofMillis(50)));
        Client client = client(server);
        Channel channel = answered(server, client);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Await.until("probed", () -> channel.pipeline().get(IdleProbe.class) != null);
        DrainEvent event = DrainEvent.of(channel).orElseThrow();
        Await.until("past its time", () -> event.remaining().compareTo(LONG.minusMillis(500)) < 0);
        assertFalse(isOutputShutdown(channel));
        client.bytes(ANSWER);
        assertEquals(-1, client.read());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aClientThatStaysIsClosedInTime() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE);
        Client client = client(server);
        server.child();
        DrainReport report = get(server.drain(LONG));
        assertEquals(1, report.finished());
        assertEquals(-1, client.read());
    }

    @Test
    void aClientThatHasClosedItsSideIsNotWaitedFor() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        server.bootstrap.childOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        Client client = client(server);
        Channel channel = answered(server, client);
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        channel.config().setAutoRead(true);
        client.socket.shutdownOutput();
        Await.until("half closed", () -> ((DuplexChannel) channel).isInputShutdown());
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        channel.close();
        assertEquals(1, get(drained).finished());
        assertEquals(ANSWER, client.bytes(ANSWER).length());
        assertEquals(-1, client.read());
    }

    @Test
    void nothingIsWrittenAfterTheClose() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE);
        Client client = client(server);
        Channel channel = server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        assertEquals(-1, client.read());
        ChannelFuture written = channel.writeAndFlush(Unpooled.copiedBuffer("more", US_ASCII));
        assertInstanceOf(ClosedChannelException.class, written.await().cause());
        ChannelFuture closed = channel.close();
        client.close();
        assertEquals(1, get(drained).finished());
        closed.get(10, TimeUnit.SECONDS);
    }

    @Test
    void afterARollbackACloseIsACloseAgain() throws Exception {
        TestServer server = start(DrainPolicy.HANDLERS);
        Client client = client(server);
        Channel channel = server.child();
        server.drain(LONG);
        server.event();
        assertNotNull(channel.pipeline().get(LingeringClose.class));
        server.upgrader.resume();
        channel.close().sync();
        assertFalse(channel.isOpen());
        assertEquals(-1, client.read());
    }

    @Test
    void underTlsTheEndOfTheStreamComesFirst(@TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        TestServer server = start(DrainPolicy.CLOSE, pipeline -> {
            SSLEngine engine = tls.context().createSSLEngine();
            engine.setUseClientMode(false);
            pipeline.addLast(new SslHandler(engine));
        });
        Client client = cleanup.add(client(server).secured(tls.context()));
        client.send("first");
        Channel channel = answered(server, client);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        sendOn(client, channel);
        assertEquals(ANSWER, client.bytes(ANSWER).length());
        assertEquals(-1, client.read(), "without close_notify this would be an exception");
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aUnixSocketToo(@TempDir Path directory) throws Exception {
        Path path = directory.resolve("socket");
        TestServer server = cleanup.add(new TestServer(pipeline -> {}));
        UpgradableServers.of(server.upgrader)
                .bind(
                        server.bootstrap,
                        BindSpec.of(new DomainSocketAddress(path.toString())).drain(DrainPolicy.CLOSE))
                .sync();
        server.upgrader.resume();
        SocketChannel client = cleanup.add(SocketChannel.open(UnixDomainSocketAddress.of(path)));
        Channel channel = server.child();
        channel.config().setAutoRead(false);
        client.write(ByteBuffer.wrap("unread".getBytes(US_ASCII)));
        channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[ANSWER])).sync();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        ByteBuffer answer = ByteBuffer.allocate(ANSWER + 1);
        while (client.read(answer) >= 0) {
            Thread.onSpinWait();
        }
        assertEquals(ANSWER, answer.position());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    /** Returns when it is written, before any drain. */
    private static void write(Channel channel, int length) throws InterruptedException {
        channel.eventLoop()
                .submit(() -> {
                    channel.write(Unpooled.wrappedBuffer(new byte[length]));
                })
                .sync();
    }

    /** A connection whose answer is with the kernel, and with input that nobody reads. */
    private static Channel answered(TestServer server, Client client) throws Exception {
        Channel channel = server.child();
        channel.config().setAutoRead(false);
        client.send("unread");
        channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[ANSWER])).sync();
        return channel;
    }

    private Client client(TestServer server) throws IOException {
        return cleanup.add(Client.connect(server.address(), 4_000));
    }

    private TestServer start(DrainPolicy policy) throws Exception {
        return start(policy, pipeline -> {});
    }

    private TestServer start(DrainPolicy policy, Consumer<ChannelPipeline> handlers) throws Exception {
        TestServer server = cleanup.add(new TestServer(handlers));
        server.bootstrap.childOption(ChannelOption.SO_SNDBUF, 2 * ANSWER);
        server.bind(policy);
        server.upgrader.resume();
        return server;
    }

    private static DrainReport get(CompletableFuture<DrainReport> drained) throws Exception {
        return drained.get(15, TimeUnit.SECONDS);
    }

    private static final class CloseOnDrain extends SimpleUserEventChannelHandler<DrainEvent> {
        @Override
        protected void eventReceived(ChannelHandlerContext ctx, DrainEvent event) {
            ctx.close();
        }
    }
}
