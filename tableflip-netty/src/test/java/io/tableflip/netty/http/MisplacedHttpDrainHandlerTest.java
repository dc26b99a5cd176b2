package io.tableflip.netty.http;

import static io.tableflip.netty.http.HttpDrainHandlerTest.assertLast;
import static io.tableflip.netty.http.HttpDrainHandlerTest.assertNotLast;
import static io.tableflip.netty.http.HttpDrainHandlerTest.beginDrain;
import static io.tableflip.netty.http.HttpDrainHandlerTest.get;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPipelineException;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpContentCompressor;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerUpgradeHandler;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.DefaultEventExecutorGroup;
import io.netty.util.concurrent.EventExecutorGroup;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.HttpApp;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.Tls;
import io.tableflip.netty.drain.RunningDrain;
import io.tableflip.testsupport.Logs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A drain handler that sees bytes, or only one half of the exchanges, moves to its place. */
@Timeout(30)
class MisplacedHttpDrainHandlerTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final String MISPLACED = "misplaced HttpDrainHandler";

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final HttpApp app = new HttpApp();
    private final HttpDrainHandler drainHandler = new HttpDrainHandler();
    private Logs logs;

    @BeforeEach
    void collectLogs() {
        logs = cleanup.add(new Logs());
        HttpDrainPlace.WARNED.set(false);
    }

    /** The wrong places. */
    enum Wrong {
        BEFORE_THE_CODEC("HttpServerCodec"),
        BETWEEN_DECODER_AND_ENCODER("HttpResponseEncoder"),
        BETWEEN_ENCODER_AND_DECODER("HttpRequestDecoder"),
        BEFORE_DECODER_AND_ENCODER("HttpResponseEncoder");

        private final String rightAfter;

        Wrong(String rightAfter) {
            this.rightAfter = rightAfter;
        }

        void add(ChannelPipeline pipeline, HttpDrainHandler drain) {
            switch (this) {
                case BEFORE_THE_CODEC -> pipeline.addLast("drain", drain).addLast(new HttpServerCodec());
                case BETWEEN_DECODER_AND_ENCODER ->
                    pipeline.addLast(new HttpRequestDecoder())
                            .addLast("drain", drain)
                            .addLast(new HttpResponseEncoder());
                case BETWEEN_ENCODER_AND_DECODER ->
                    pipeline.addLast(new HttpResponseEncoder())
                            .addLast("drain", drain)
                            .addLast(new HttpRequestDecoder());
                case BEFORE_DECODER_AND_ENCODER ->
                    pipeline.addLast("drain", drain).addLast(new HttpRequestDecoder(), new HttpResponseEncoder());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDrainBeforeTheFirstRequest(Wrong place) throws Exception {
        EmbeddedChannel channel = misplaced(place);
        RunningDrain drain = new RunningDrain(LONG);
        drain.fireThrough(channel);
        assertTrue(drain.isIdle(channel));
        request(channel, Client.get("/now"));
        assertTrue(answers(channel).contains("close"));
        assertTrue(drain.isNotified(channel));
    }

    @ParameterizedTest
    @EnumSource
    void aDrainBetweenRequests(Wrong place) {
        EmbeddedChannel channel = misplaced(place);
        request(channel, Client.get("/now1"));
        assertEquals(List.of("/now1"), bodies(answers(channel)));
        RunningDrain drain = new RunningDrain(LONG);
        drain.fireThrough(channel);
        assertTrue(drain.isIdle(channel));
        request(channel, Client.get("/now2"));
        String answer = answers(channel);
        assertEquals(List.of("/now2"), bodies(answer));
        assertTrue(answer.contains("close"), answer);
    }

    @ParameterizedTest
    @EnumSource
    void aDrainDuringPipelinedRequests(Wrong place) throws Exception {
        EmbeddedChannel channel = misplaced(place);
        request(channel, Client.get("/1") + Client.get("/2"));
        HttpApp.Call one = app.call();
        HttpApp.Call two = app.call();
        RunningDrain drain = new RunningDrain(LONG);
        drain.fireThrough(channel);
        assertFalse(drain.isIdle(channel));
        one.answer();
        runTurns(channel);
        String first = answers(channel);
        assertEquals(List.of("/1"), bodies(first));
        assertFalse(first.contains("close"), first);
        two.answer();
        runTurns(channel);
        String second = answers(channel);
        assertEquals(List.of("/2"), bodies(second));
        assertTrue(second.contains("close"), second);
    }

    /** Also in parts that are smaller than a request. */
    @ParameterizedTest
    @EnumSource
    void itIsMovedBehindTheCodecAndTheUserIsWarned(Wrong place) {
        EmbeddedChannel channel = misplaced(place);
        String handlers = String.join(
                ", ",
                channel.pipeline().toMap().values().stream()
                        .map(handler -> handler.getClass().getSimpleName())
                        .toList());
        assertFalse(logs.has(MISPLACED));
        request(channel, "GET /now HT");
        request(channel, "TP/1.1\r\n\r\n");
        assertEquals(List.of("/now"), bodies(answers(channel)));
        assertSame(drainHandler, channel.pipeline().get("drain"));
        List<String> names = channel.pipeline().names();
        assertEquals(place.rightAfter + "#0", names.get(names.indexOf("drain") - 1), names::toString);
        assertEquals(1, logs.count("WARNING " + MISPLACED), logs::toString);
        assertTrue(logs.has("pipeline " + handlers + "; add it right after " + place.rightAfter), logs::toString);
    }

    @Test
    void onlyTheFirstWarningOfTheProcessIsOne() {
        EmbeddedChannel first = misplaced(Wrong.BEFORE_THE_CODEC);
        request(first, Client.get("/now1") + Client.get("/now2"));
        request(first, Client.get("/now3"));
        assertEquals(List.of("/now1", "/now2", "/now3"), bodies(answers(first)));
        EmbeddedChannel second = channel();
        second.pipeline().addLast(new HttpDrainHandler(), new HttpServerCodec(), app);
        request(second, Client.get("/now"));
        assertEquals(1, logs.count("WARNING " + MISPLACED), logs::toString);
        assertEquals(1, logs.count("FINE " + MISPLACED), logs::toString);
    }

    /** As after ALPN, when the application adds the codec at the end of its pipeline. */
    @Test
    void aCodecThatIsAddedBehindItLater() {
        EmbeddedChannel channel = channel();
        channel.pipeline().addLast(drainHandler, new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object greeting) {
                ((ByteBuf) greeting).release();
                ctx.pipeline().addLast(new HttpServerCodec(), app).remove(this);
            }
        });
        request(channel, "hello");
        RunningDrain drain = new RunningDrain(LONG);
        drain.fireThrough(channel);
        request(channel, Client.get("/now"));
        assertTrue(answers(channel).contains("close"));
        assertTrue(logs.has("WARNING " + MISPLACED), logs::toString);
    }

    /** HTTP/2 of clients that know that it is: what was moved behind the codec leaves with it. */
    @Test
    void beforeAnUpgradeHandlerOfHttp2() {
        EmbeddedChannel channel = channel();
        channel.pipeline().addLast(drainHandler, h2c(), app);
        RunningDrain drain = new RunningDrain(LONG);
        drain.fireThrough(channel);
        request(channel, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
        assertNull(channel.pipeline().get(HttpDrainHandler.class));
        channel.checkException();
    }

    @Test
    void anotherPipelineRefusesItAfterwards() {
        EmbeddedChannel channel = misplaced(Wrong.BEFORE_THE_CODEC);
        request(channel, Client.get("/now"));
        EmbeddedChannel other = channel();
        assertThrows(ChannelPipelineException.class, () -> other.pipeline().addLast(drainHandler));
    }

    @Test
    void afterTheCodecThereIsNoWarning() {
        right(new HttpServerCodec(), drainHandler);
        right(new HttpServerCodec(), new HttpContentCompressor(), new HttpObjectAggregator(1000), drainHandler);
        right(new HttpServerCodec(), drainHandler, new HttpContentCompressor(), new HttpObjectAggregator(1000));
    }

    @Test
    void afterDecoderAndEncoderThereIsNoWarning() {
        right(new HttpRequestDecoder(), new HttpResponseEncoder(), drainHandler);
        right(new HttpResponseEncoder(), new HttpRequestDecoder(), drainHandler);
    }

    @Test
    void afterTheCodecOfAnUpgradeToHttp2ThereIsNoWarning() {
        right(h2c(), drainHandler);
        HttpServerCodec codec = new HttpServerCodec();
        right(codec, drainHandler, new HttpServerUpgradeHandler(codec, protocol -> null));
    }

    /** As in the channel of an HTTP/2 stream, where other handlers make requests. */
    @Test
    void withoutACodecThereIsNoWarning() {
        EmbeddedChannel channel = channel();
        channel.pipeline().addLast(drainHandler);
        channel.writeInbound(new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/"));
        channel.releaseInbound();
        assertFalse(logs.has(MISPLACED), logs::toString);
    }

    private void right(ChannelHandler... handlers) {
        EmbeddedChannel channel = channel();
        for (ChannelHandler handler : handlers) {
            channel.pipeline().addLast(handler == drainHandler ? new HttpDrainHandler() : handler);
        }
        channel.pipeline().addLast(app);
        List<String> names = channel.pipeline().names();
        request(channel, Client.get("/now"));
        assertEquals(List.of("/now"), bodies(answers(channel)));
        List<String> expected = names.stream()
                .filter(name -> !name.startsWith("CleartextHttp2"))
                .toList();
        assertEquals(expected, channel.pipeline().names());
        assertFalse(logs.has(MISPLACED), logs::toString);
    }

    private static ChannelHandler h2c() {
        HttpServerCodec codec = new HttpServerCodec();
        return new CleartextHttp2ServerUpgradeHandler(
                codec,
                new HttpServerUpgradeHandler(codec, protocol -> null),
                Http2FrameCodecBuilder.forServer().build());
    }

    /** Requests before, during and after the beginning of a drain, which need not wait for its timeout. */
    @ParameterizedTest
    @EnumSource
    void aServerLosesNoRequestAndIsDrainedInTime(Wrong place) throws Exception {
        TestServer server = start(pipeline -> {
            place.add(pipeline, new HttpDrainHandler());
            pipeline.addLast(app);
        });
        Client busy = connect(server);
        assertNotLast("/now", busy.send(Client.get("/now")));
        busy.send(Client.get("/1") + Client.get("/2"));
        HttpApp.Call one = app.call();
        HttpApp.Call two = app.call();
        Client idle = connect(server);
        assertNotLast("/now", idle.send(Client.get("/now")));
        Client fresh = connect(server);
        for (int i = 0; i < 3; i++) {
            server.child(); // what is queued in the kernel would not be asked to leave
        }
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        for (int i = 0; i < 3; i++) {
            server.event();
        }
        one.answer();
        assertNotLast("/1", busy);
        two.answer();
        assertLast("/2", busy);
        busy.close();
        assertLast("/now3", idle.send(Client.get("/now3")));
        idle.close();
        fresh.send(Client.get("/now4") + Client.get("/now5"));
        assertNotLast("/now4", fresh);
        assertLast("/now5", fresh);
        fresh.close();
        DrainReport report = get(drained);
        assertEquals(3, report.finished());
        assertEquals(3, report.notified());
    }

    /** Before the TLS handler, too, what it reads are bytes. */
    @Test
    void underTls(@TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        TestServer server = start(pipeline -> {
            SSLEngine engine = tls.context().createSSLEngine();
            engine.setUseClientMode(false);
            pipeline.addLast(new HttpDrainHandler(), new SslHandler(engine), new HttpServerCodec(), app);
        });
        Client client = cleanup.add(connect(server).secured(tls.context()));
        assertNotLast("/now", client.send(Client.get("/now")));
        CompletableFuture<DrainReport> drained = beginDrain(server);
        assertLast("/now", client.send(Client.get("/now")));
        client.close();
        assertEquals(1, get(drained).notified());
        assertTrue(logs.has("pipeline HttpDrainHandler, SslHandler, HttpServerCodec, "), logs::toString);
    }

    @Test
    void behindTheTlsHandlerThereIsNoWarning(@TempDir Path directory) throws Exception {
        Tls tls = new Tls(directory);
        TestServer server = start(pipeline -> {
            SSLEngine engine = tls.context().createSSLEngine();
            engine.setUseClientMode(false);
            pipeline.addLast(new SslHandler(engine), new HttpServerCodec(), new HttpDrainHandler(), app);
        });
        Client client = cleanup.add(connect(server).secured(tls.context()));
        assertNotLast("/now", client.send(Client.get("/now")));
        assertFalse(logs.has(MISPLACED), logs::toString);
    }

    /** Handlers on executors of their own: it keeps the one that it was added with. */
    @Test
    @SuppressWarnings("deprecation") // since 4.2: an executor for a handler
    void onAnotherExecutor() throws Exception {
        EventExecutorGroup own = new DefaultEventExecutorGroup(1);
        cleanup.add(() -> own.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        TestServer server = start(pipeline -> pipeline.addLast(own, new HttpDrainHandler(), new HttpServerCodec())
                .addLast(app));
        Client client = connect(server);
        client.send(Client.get("/1") + Client.get("/2"));
        HttpApp.Call one = app.call();
        HttpApp.Call two = app.call();
        ChannelHandlerContext moved = server.child().pipeline().context(HttpDrainHandler.class);
        assertNotNull(moved);
        assertSame(own.next(), moved.executor());
        CompletableFuture<DrainReport> drained = beginDrain(server);
        one.answer();
        assertNotLast("/1", client);
        two.answer();
        assertLast("/2", client);
        client.close();
        assertEquals(1, get(drained).notified());
    }

    private EmbeddedChannel misplaced(Wrong place) {
        EmbeddedChannel channel = channel();
        place.add(channel.pipeline(), drainHandler);
        channel.pipeline().addLast(app);
        return channel;
    }

    private EmbeddedChannel channel() {
        EmbeddedChannel channel = new EmbeddedChannel();
        cleanup.add(channel::finishAndReleaseAll);
        return channel;
    }

    private static void request(EmbeddedChannel channel, String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, US_ASCII));
        runTurns(channel);
    }

    /** What was held back is written when the loop has looked for more. */
    private static void runTurns(EmbeddedChannel channel) {
        for (int round = 0; round < 3; round++) {
            channel.runPendingTasks();
        }
    }

    /** All that was sent. */
    private static String answers(EmbeddedChannel channel) {
        StringBuilder text = new StringBuilder();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            text.append(part.toString(US_ASCII));
            part.release();
        }
        return text.toString();
    }

    /** The bodies of {@link HttpApp}, which are the paths of the requests. */
    private static List<String> bodies(String answers) {
        return answers.lines()
                .flatMap(line -> List.of(line.split("HTTP/1.1 200 OK")).stream())
                .filter(line -> line.startsWith("/"))
                .toList();
    }

    private TestServer start(Consumer<ChannelPipeline> handlers) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, handlers);
    }

    private Client connect(TestServer server) throws Exception {
        return cleanup.add(server.connect());
    }
}
