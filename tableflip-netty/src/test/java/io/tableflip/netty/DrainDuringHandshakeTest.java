package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.tableflip.core.DrainReport;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * A drain that finds connections in their TLS handshake, when the handlers of their protocol are not in the
 * pipeline yet.
 */
@Timeout(30)
class DrainDuringHandshakeTest {
    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    @TempDir
    Path directory;

    private final Socket client = new Socket();

    @AfterEach
    void hangUp() throws IOException {
        client.close();
    }

    @Test
    void aCloseWaitsForTheProtocolToSayGoodbye() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE, Farewell::new);
        Channel child = server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server, child);
        assertEquals("bye", new String(handshake().getInputStream().readAllBytes(), StandardCharsets.US_ASCII));
        assertEquals(1, drained.get(15, TimeUnit.SECONDS).finished());
    }

    @Test
    void aCloseThatWaitsIsForgottenAfterARollback() throws Exception {
        TestServer server = start(DrainPolicy.CLOSE, Farewell::new);
        Channel child = server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server, child);
        server.upgrader.resume();
        drained.get(15, TimeUnit.SECONDS);
        handshake();
        afterHandshake(child);
        assertTrue(child.isActive());
    }

    @Test
    void aHandlerThatComesWithTheProtocolHasAnsweredTheEvent() throws Exception {
        List<String> log = unanswered();
        TestServer server = start(DrainPolicy.HANDLERS, Understands::new);
        Channel child = server.child();
        beginDrain(server, child);
        handshake();
        afterHandshake(child);
        assertEquals(List.of(), log);
    }

    @Test
    void noneThatComesIsTold() throws Exception {
        List<String> log = unanswered();
        TestServer server = start(DrainPolicy.HANDLERS, Farewell::new);
        Channel child = server.child();
        beginDrain(server, child);
        handshake();
        afterHandshake(child);
        assertEquals(1, log.size());
    }

    /**
     * A server that knows the protocol after the handshake only, and a client that has connected and said
     * nothing.
     */
    private TestServer start(DrainPolicy policy, Supplier<Farewell> protocol) throws Exception {
        SSLContext context = new Tls(directory).context();
        TestServer server = TestServer.start(cleanup, policy, pipeline -> {
            SSLEngine engine = context.createSSLEngine();
            engine.setUseClientMode(false);
            pipeline.addLast(new SslHandler(engine), new ChannelInboundHandlerAdapter() {
                @Override
                public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
                    if (evt instanceof SslHandshakeCompletionEvent end && end.isSuccess()) {
                        ctx.pipeline().replace(this, null, protocol.get());
                    }
                    ctx.fireUserEventTriggered(evt);
                }
            });
        });
        client.connect(server.address());
        return server;
    }

    private static CompletableFuture<DrainReport> beginDrain(TestServer server, Channel child) throws Exception {
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofSeconds(20));
        Await.until("asked", () -> DrainEvent.of(child).isPresent());
        return drained;
    }

    private Socket handshake() throws Exception {
        SSLSocket secure = (SSLSocket) trusting().getSocketFactory().createSocket(client, "localhost", 0, true);
        secure.startHandshake();
        return secure;
    }

    private static SSLContext trusting() throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        return context;
    }

    /** What follows the handshake on the event loop has been done. */
    private static void afterHandshake(Channel child) throws InterruptedException {
        child.pipeline().get(SslHandler.class).handshakeFuture().sync();
        child.eventLoop().submit(() -> {}).sync();
        child.eventLoop().submit(() -> {}).sync();
    }

    private List<String> unanswered() {
        List<String> lines = new CopyOnWriteArrayList<>();
        Logger logger = Logger.getLogger("io.tableflip");
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord entry) {
                if (entry.getMessage().contains("has answered the drain event")) {
                    lines.add(entry.getMessage());
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        logger.addHandler(handler);
        cleanup.add(() -> logger.removeHandler(handler));
        return lines;
    }

    /** Has something to say before it closes, as graceful protocols have. */
    private static class Farewell extends ChannelOutboundHandlerAdapter {
        @Override
        public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
            ctx.writeAndFlush(ByteBufUtil.writeAscii(ctx.alloc(), "bye")).addListener(written -> ctx.close(promise));
        }
    }

    /** Looks for the event that has passed before it came. */
    private static final class Understands extends Farewell {
        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            DrainEvent.of(ctx.channel()).ifPresent(event -> event.protocol(ctx.channel(), "farewell"));
        }
    }
}
