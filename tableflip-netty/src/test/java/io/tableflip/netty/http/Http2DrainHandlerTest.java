package io.tableflip.netty.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPipelineException;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerUpgradeHandler;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2ServerUpgradeCodec;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.IdentityCipherSuiteFilter;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.Groups;
import io.tableflip.netty.Http2App;
import io.tableflip.netty.Http2App.Kind;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.Tls;
import io.tableflip.netty.drain.RunningDrain;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Http2Client;
import io.tableflip.testsupport.Http2Client.Frame;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Frame by frame over real sockets, with both of Netty's kinds of codecs. */
@Timeout(30)
class Http2DrainHandlerTest {
    private static final Duration LONG = Duration.ofSeconds(25);
    private static final String GOAWAY_FIRST = "GOAWAY 2147483647 code 0";

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final Http2App app = new Http2App();

    private TestServer start(Kind kind) throws Exception {
        return start(kind, new Http2DrainHandler(LONG, Duration.ZERO));
    }

    private TestServer start(Kind kind, Http2DrainHandler drain) throws Exception {
        return TestServer.start(
                cleanup, DrainPolicy.HANDLERS, pipeline -> pipeline.addLast(app.codec(kind), drain, app.handler(kind)));
    }

    private Http2Client connect(TestServer server) throws Exception {
        return cleanup.add(new Http2Client(cleanup.add(server.connect()).socket))
                .begin();
    }

    /** A connection that has had one stream, which is answered. */
    private Http2Client used(TestServer server) throws Exception {
        Http2Client client = connect(server);
        client.get(1, "/now");
        assertEquals("/now", client.response(1));
        return client;
    }

    /** Reads the first GOAWAY, and gives the PING. */
    private static Frame beginning(Http2Client client) throws IOException {
        assertFrame(GOAWAY_FIRST, client.read());
        Frame ping = client.read();
        assertFrame("PING", ping);
        return ping;
    }

    private static void assertFrame(String expected, Frame frame) {
        assertEquals(expected, frame.toString());
    }

    private static DrainReport get(CompletableFuture<DrainReport> drained) throws Exception {
        return drained.get(15, TimeUnit.SECONDS);
    }

    private static DrainReport h2(CompletableFuture<DrainReport> drained) throws Exception {
        DrainReport report = get(drained).protocols().get("h2");
        assertNotNull(report, "nothing is counted for h2");
        return report;
    }

    @ParameterizedTest
    @EnumSource
    void streamsThatAreOpenedUntilTheClientHasHeardOfItAreAnswered(Kind kind) throws Exception {
        TestServer server = start(kind);
        Http2Client client = used(server);
        client.get(3, "/before");
        Http2App.Call before = app.call();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Frame ping = beginning(client);
        client.get(5, "/between");
        Http2App.Call between = app.call();
        client.ack(ping);
        assertFrame("GOAWAY 5 code 0", client.read());
        between.answer();
        assertEquals("/between", client.response(5));
        before.answer();
        assertEquals("/before", client.response(3));
        assertEquals(-1, client.end());
        assertFalse(drained.isDone(), "the client has not closed");
        client.close();
        DrainReport report = h2(drained);
        assertEquals(1, report.finished());
        assertEquals(1, report.notified());
    }

    @ParameterizedTest
    @EnumSource
    void anIdleConnectionEnds(Kind kind) throws Exception {
        TestServer server = start(kind);
        Http2Client client = used(server);
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        client.ack(beginning(client));
        assertFrame("GOAWAY 1 code 0", client.read());
        assertEquals(-1, client.end());
        client.close();
        assertEquals(1, h2(drained).finished());
    }

    @ParameterizedTest
    @EnumSource
    void whatCrossesTheEndDestroysNothing(Kind kind) throws Exception {
        String path = "/" + "x".repeat(60_000);
        TestServer server = start(kind);
        Http2Client client = cleanup.add(new Http2Client(cleanup.add(Client.connect(server.address(), 4_000)).socket))
                .begin();
        client.get(1, "/large");
        Http2App.Call call = app.call();
        server.drain(LONG);
        client.ack(beginning(client));
        assertFrame("GOAWAY 1 code 0", client.read());
        Channel channel = server.child();
        call.answer(path);
        Await.until("closed for sending", () -> ((DuplexChannel) channel).isOutputShutdown());
        client.ping(0, 1);
        for (int stream = 3; stream < 9; stream += 2) {
            client.request(stream, "/late", false);
            client.send(Http2Client.DATA, 0, stream, "body".getBytes(US_ASCII));
            Groups.awaitTurn(channel);
        }
        assertTrue(channel.isOpen(), "for the client to close");
        assertEquals(path, client.response(1));
        assertEquals(-1, client.end());
        assertFalse(app.hasCall());
    }

    @ParameterizedTest
    @EnumSource
    void streamsAfterTheSecondGoAwayAreRefusedAndTheOthersGoOn(Kind kind) throws Exception {
        TestServer server = start(kind);
        Http2Client client = connect(server);
        client.get(1, "/running");
        Http2App.Call running = app.call();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        client.ack(beginning(client));
        assertFrame("GOAWAY 1 code 0", client.read());
        client.request(3, "/late", false);
        client.send(Http2Client.WINDOW_UPDATE, 0, 3, Http2Client.number(1000));
        client.send(Http2Client.RST_STREAM, 0, 3, Http2Client.number(8));
        client.request(5, "/late", false);
        client.send(Http2Client.DATA, Http2Client.END_STREAM, 5, "body".getBytes(US_ASCII));
        client.ping(0, 7);
        assertFrame("RST_STREAM 3 code 7", client.read());
        assertFrame("RST_STREAM 5 code 7", client.read());
        Frame next = client.read();
        if (next.type() == Http2Client.RST_STREAM) { // for the DATA: the stream is closed
            assertFrame("RST_STREAM 5 code 5", next);
            next = client.read();
        }
        assertFrame("PING ACK 7", next);
        assertFalse(app.hasCall());
        running.answer();
        assertEquals("/running", client.response(1));
        assertEquals(-1, client.end());
        client.close();
        assertEquals(1, h2(drained).finished());
    }

    @Test
    void whatCameTogetherWithTheAnswerToThePingIsAnswered() throws Exception {
        TestServer server = start(Kind.MULTIPLEX);
        Http2Client client = used(server);
        server.drain(LONG);
        Frame ping = beginning(client);
        // in one piece, so that the codec has all of it when it gets the first
        ByteArrayOutputStream together = new ByteArrayOutputStream();
        together.write(new byte[] {0, 0, 8, Http2Client.PING, Http2Client.ACK, 0, 0, 0, 0});
        together.write(ping.payload().array());
        together.write(new byte[] {0, 0, 8, Http2Client.PING, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9});
        client.send(together.toByteArray());
        assertFrame("GOAWAY 1 code 0", client.read());
        assertFrame("PING ACK 9", client.read());
        assertEquals(-1, client.end());
    }

    @ParameterizedTest
    @EnumSource
    void aClientThatDoesNotAnswerThePingLosesNoStream(Kind kind) throws Exception {
        TestServer server = start(kind, new Http2DrainHandler(Duration.ofMillis(50), Duration.ZERO));
        Http2Client client = connect(server);
        client.get(1, "/running");
        Http2App.Call running = app.call();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        beginning(client);
        assertFrame("GOAWAY 1 code 0", client.read());
        running.answer();
        assertEquals("/running", client.response(1));
        assertEquals(-1, client.end());
        client.close();
        assertEquals(1, h2(drained).finished());
    }

    @Test
    void thePingsOfOthersAreTheirs() throws Exception {
        TestServer server = start(Kind.MULTIPLEX);
        Http2Client client = used(server);
        server.drain(LONG);
        Frame ping = beginning(client);
        client.ping(Http2Client.ACK, 5); // the answer to one that is not this handler's
        client.ping(0, 6);
        assertFrame("PING ACK 6", client.read());
        client.get(3, "/now3");
        assertEquals("/now3", client.response(3));
        client.ack(ping);
        assertFrame("GOAWAY 3 code 0", client.read());
        assertEquals(-1, client.end());
    }

    /** A client may have begun a request, on a thread of its own, when its connection answers the PING. */
    @Test
    void aStreamThatComesRightBehindTheAnswerIsAnsweredToo() throws Exception {
        TestServer server = start(Kind.MULTIPLEX, new Http2DrainHandler(LONG, Duration.ofSeconds(1)));
        Http2Client client = used(server);
        server.drain(LONG);
        client.ack(beginning(client));
        client.ping(0, 7);
        assertFrame("PING ACK 7", client.read()); // so the server has got the answer, too
        client.get(3, "/now3");
        assertEquals("/now3", client.response(3));
        assertFrame("GOAWAY 3 code 0", client.read());
        assertEquals(-1, client.end());
    }

    @Test
    void aSecondEventChangesNothing() throws Exception {
        TestServer server = start(Kind.MULTIPLEX);
        Http2Client client = used(server);
        server.drain(LONG);
        Frame ping = beginning(client);
        Channel channel = server.child();
        channel.pipeline().fireUserEventTriggered(server.event());
        client.ack(ping);
        assertFrame("GOAWAY 1 code 0", client.read());
        channel.pipeline().fireUserEventTriggered(server.event());
        assertEquals(-1, client.end());
    }

    @Test
    void aDrainThatIsCalledOffCutsNobodyAndTheNextGoesOn() throws Exception {
        TestServer server = start(Kind.MULTIPLEX);
        Http2Client client = connect(server);
        client.get(1, "/running");
        Http2App.Call running = app.call();
        server.drain(Duration.ofMillis(500));
        DrainEvent event = server.event();
        Frame ping = beginning(client);
        Channel channel = server.child();
        Await.until("told", () -> ((RunningDrain) event).isNotified(channel));
        server.upgrader.resume();
        assertTrue(event.isCancelled());
        Await.until("past the deadline", () -> event.remaining().isZero());
        assertFrame("GOAWAY 1 code 0", client.read());
        client.ack(ping); // too late
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        running.answer();
        assertEquals("/running", client.response(1));
        assertEquals(-1, client.end());
        client.close();
        DrainReport report = h2(drained);
        assertEquals(1, report.finished());
        assertEquals(1, report.notified(), "it was, in the drain before");
    }

    @ParameterizedTest
    @EnumSource
    void aStreamThatDoesNotEndIsCutAtTheTimeout(Kind kind) throws Exception {
        TestServer server = start(kind);
        Http2Client client = connect(server);
        client.get(1, "/hangs");
        app.call();
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofMillis(500));
        client.ack(beginning(client));
        DrainReport report = h2(drained);
        assertEquals(1, report.forced());
        assertEquals(1, report.notified());
    }

    @Test
    void aConnectionThatHasNotSaidAnythingEnds() throws Exception {
        TestServer server = start(Kind.MULTIPLEX, new Http2DrainHandler(Duration.ofMillis(50), Duration.ZERO));
        Http2Client client = cleanup.add(new Http2Client(cleanup.add(server.connect()).socket));
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        beginning(client);
        assertFrame("GOAWAY 0 code 0", client.read());
        client.begin();
        client.get(1, "/late");
        assertEquals(-1, client.end());
        client.close();
        assertEquals(1, h2(drained).finished());
        assertFalse(app.hasCall());
    }

    @Test
    void addedTwiceItIsAnError() {
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.pipeline().addLast(new Http2DrainHandler(), new Http2DrainHandler());
        assertThrows(ChannelPipelineException.class, channel::checkException);
        channel.finishAndReleaseAll();
    }

    @Test
    void whoCouldNotBeToldIsNotCounted() {
        EmbeddedChannel channel = new EmbeddedChannel();
        Refusal refusal = new Refusal();
        channel.pipeline().addLast(refusal, Http2FrameCodecBuilder.forServer().build(), new Http2DrainHandler());
        refusal.refuses = true;
        RunningDrain event = new RunningDrain(LONG);
        channel.pipeline().fireUserEventTriggered(event);
        channel.runPendingTasks();
        assertFalse(event.isNotified(channel));
        channel.finishAndReleaseAll();
    }

    private static final class Refusal extends ChannelOutboundHandlerAdapter {
        private boolean refuses;

        @Override
        public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
            if (refuses) {
                ((ByteBuf) msg).release();
                promise.tryFailure(new IOException("refused"));
            } else {
                ctx.write(msg, promise);
            }
        }
    }

    @Test
    void itBeginsWhenTheChannelIsActive() {
        boolean[] active = {false};
        EmbeddedChannel channel = new EmbeddedChannel() {
            @Override
            public boolean isActive() {
                return active[0] && super.isActive();
            }
        };
        RunningDrain event = new RunningDrain(LONG);
        event.attach(channel);
        channel.pipeline().addLast(Http2FrameCodecBuilder.forServer().build(), new Http2DrainHandler());
        assertFalse(event.isNotified(channel));
        active[0] = true;
        channel.pipeline().fireChannelActive();
        assertTrue(event.isNotified(channel));
        channel.finishAndReleaseAll();
    }

    /** How a server may come to speak HTTP/2 in plain text. */
    private TestServer startCleartext(Kind kind) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            HttpServerCodec http1 = new HttpServerCodec();
            Http2ConnectionHandler codec = app.codec(kind);
            ChannelHandler handler = app.handler(kind);
            HttpServerUpgradeHandler upgrade = new HttpServerUpgradeHandler(
                    http1,
                    protocol -> codec instanceof Http2FrameCodec frames
                            ? new Http2ServerUpgradeCodec(frames, handler)
                            : new Http2ServerUpgradeCodec(codec),
                    1_000);
            ChannelHandler atOnce = new ChannelInitializer<Channel>() {
                @Override
                protected void initChannel(Channel channel) {
                    channel.pipeline().addBefore("http1", null, codec);
                    if (kind == Kind.MULTIPLEX) {
                        channel.pipeline().addBefore("http1", null, handler);
                    }
                }
            };
            pipeline.addLast(new CleartextHttp2ServerUpgradeHandler(http1, upgrade, atOnce));
            pipeline.addLast("http1", new HttpDrainHandler());
            pipeline.addLast(new Http2DrainHandler(LONG, Duration.ZERO));
            if (kind == Kind.OBJECTS) {
                pipeline.addLast(handler);
            }
        });
    }

    private static Http2Client upgrade(Client client) throws IOException {
        String wishes = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAQAAP__\r\n";
        client.send("GET /upgrade HTTP/1.1\r\nHost: test\r\n" + wishes + "\r\n");
        assertEquals(101, client.response().status());
        return new Http2Client(client.socket).begin();
    }

    @ParameterizedTest
    @EnumSource
    void anUpgradedConnectionIsOneOfHttp2(Kind kind) throws Exception {
        TestServer server = startCleartext(kind);
        Http2Client client = upgrade(cleanup.add(server.connect()));
        Http2App.Call first = app.call();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        endsAsHttp2(client, first, drained);
    }

    @ParameterizedTest
    @EnumSource
    void anUpgradeDuringTheDrain(Kind kind) throws Exception {
        TestServer server = startCleartext(kind);
        Client plain = cleanup.add(server.connect());
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        Http2Client client = upgrade(plain);
        endsAsHttp2(client, app.call(), drained);
    }

    @ParameterizedTest
    @EnumSource
    void aConnectionOfPriorKnowledge(Kind kind) throws Exception {
        TestServer server = startCleartext(kind);
        Http2Client client = connect(server);
        client.get(1, "/first");
        Http2App.Call first = app.call();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        endsAsHttp2(client, first, drained);
    }

    /** Each of two streams is answered, and nothing is counted for HTTP/1.1. */
    private void endsAsHttp2(Http2Client client, Http2App.Call first, CompletableFuture<DrainReport> drained)
            throws Exception {
        Frame ping = beginning(client);
        first.answer();
        assertEquals(first.path(), client.response(1));
        client.get(3, "/second");
        Http2App.Call second = app.call();
        client.ack(ping);
        assertFrame("GOAWAY 3 code 0", client.read());
        second.answer();
        assertEquals("/second", client.response(3));
        assertEquals(-1, client.end());
        client.close();
        DrainReport report = get(drained);
        assertEquals(Set.of("h2"), report.protocols().keySet());
        assertEquals(1, report.finished());
        assertEquals(1, report.notified());
    }

    @ParameterizedTest
    @EnumSource
    void negotiatedUnderTls(Kind kind, @TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        TestServer server = startTls(kind, tls);
        Http2Client client = connectTls(server, tls);
        client.get(1, "/first");
        Http2App.Call first = app.call();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        Frame ping = beginning(client);
        client.ack(ping);
        assertFrame("GOAWAY 1 code 0", client.read());
        first.answer();
        assertEquals("/first", client.response(1));
        Channel channel = server.child();
        Await.until("closed for sending", () -> ((DuplexChannel) channel).isOutputShutdown());
        client.get(3, "/late");
        Groups.awaitTurn(channel);
        assertTrue(channel.isOpen(), "for the client to close");
        // an end without close_notify would be an exception here
        assertEquals(-1, client.end());
        client.close();
        DrainReport report = h2(drained);
        assertEquals(1, report.finished());
        assertEquals(1, report.notified());
        assertFalse(app.hasCall());
    }

    @Test
    void negotiatedDuringTheDrain(@TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        TestServer server = startTls(Kind.MULTIPLEX, tls);
        Client plain = cleanup.add(server.connect());
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        Http2Client client = secured(plain, tls);
        client.get(1, "/now");
        Frame ping = beginning(client);
        assertEquals("/now", client.response(1));
        client.ack(ping);
        assertFrame("GOAWAY 1 code 0", client.read());
        assertEquals(-1, client.end());
        client.close();
        assertEquals(1, h2(drained).finished());
    }

    private TestServer startTls(Kind kind, Tls tls) throws Exception {
        SslContext context = new JdkSslContext(
                tls.context(),
                false,
                null,
                IdentityCipherSuiteFilter.INSTANCE,
                new ApplicationProtocolConfig(
                        Protocol.ALPN,
                        SelectorFailureBehavior.NO_ADVERTISE,
                        SelectedListenerFailureBehavior.ACCEPT,
                        "h2"),
                ClientAuth.NONE,
                null,
                false);
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> {
            pipeline.addLast(
                    context.newHandler(pipeline.channel().alloc()), new ApplicationProtocolNegotiationHandler("") {
                        @Override
                        protected void configurePipeline(ChannelHandlerContext ctx, String protocol) {
                            assertEquals("h2", protocol);
                            ctx.pipeline()
                                    .addAfter(ctx.name(), "h2", app.codec(kind))
                                    .addAfter("h2", "drain", new Http2DrainHandler(LONG, Duration.ZERO))
                                    .addAfter("drain", null, app.handler(kind));
                        }
                    });
        });
    }

    private Http2Client connectTls(TestServer server, Tls tls) throws Exception {
        return secured(cleanup.add(server.connect()), tls);
    }

    private Http2Client secured(Client plain, Tls tls) throws Exception {
        SSLSocket socket = (SSLSocket) cleanup.add(plain.secured(tls.context())).socket;
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(new String[] {"h2"});
        socket.setSSLParameters(parameters);
        return new Http2Client(socket).begin();
    }

    @Test
    void withoutACodecTheLogSaysWhatToDo() throws Exception {
        TestServer server =
                TestServer.start(cleanup, DrainPolicy.HANDLERS, pipeline -> pipeline.addLast(new Http2DrainHandler()));
        BlockingQueue<LogRecord> lines = new LinkedBlockingQueue<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord entry) {
                if (entry.getMessage().contains("drain")) {
                    lines.add(entry);
                }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger logger = Logger.getLogger("io.tableflip");
        logger.addHandler(handler);
        cleanup.add(() -> logger.removeHandler(handler));
        Client one = cleanup.add(server.connect());
        Client two = cleanup.add(server.connect());
        server.child();
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        server.event();
        one.close();
        two.close();
        assertEquals(2, get(drained).finished());
        LogRecord line = lines.remove();
        assertEquals(Level.WARNING, line.getLevel());
        assertTrue(line.getMessage().contains("Add the handler with the Http2FrameCodec"), line::getMessage);
        assertTrue(lines.isEmpty(), "once");
    }
}
