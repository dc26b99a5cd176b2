package io.tableflip.netty.http;

import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static io.tableflip.netty.http.HttpDrainHandlerTest.assertLast;
import static io.tableflip.netty.http.HttpDrainHandlerTest.beginDrain;
import static io.tableflip.netty.http.HttpDrainHandlerTest.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.Channel;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.tableflip.core.DrainReport;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainEvent;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.Groups;
import io.tableflip.netty.HttpApp;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.drain.RunningDrain;
import io.tableflip.testsupport.Await;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The drain comes at each step of an exchange: expectations, uploads, responses without a body. */
@Timeout(30)
class HttpDrainMessagesTest {
    private static final String HEAD = "POST /later HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n";
    private static final String EXPECTING = HEAD + "Expect: 100-continue\r\n\r\n";

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final HttpApp app = new HttpApp();

    private TestServer start(Consumer<ChannelPipeline> handlers) throws Exception {
        return TestServer.start(cleanup, DrainPolicy.HANDLERS, handlers);
    }

    private TestServer start() throws Exception {
        return start(pipeline -> pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), app));
    }

    private TestServer aggregating(int most) throws Exception {
        return start(pipeline ->
                pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), new HttpObjectAggregator(most), app));
    }

    private Client connect(TestServer server) throws Exception {
        return cleanup.add(server.connect());
    }

    @Test
    void theDrainComesBetweenTheExpectationThatWasMetAndTheBody() throws Exception {
        TestServer server = aggregating(1000);
        Client client = connect(server).send(EXPECTING);
        assertEquals(100, client.response().status());
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.send("body");
        app.call().answer();
        assertLast("/later", client);
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void theDrainComesAfterTheBodyThatWasExpected() throws Exception {
        TestServer server = aggregating(1000);
        Client client = connect(server).send(EXPECTING);
        assertEquals(100, client.response().status());
        client.send("body");
        HttpApp.Call call = app.call();
        beginDrain(server);
        call.answer();
        assertLast("/later", client);
    }

    /** Its body will not come: nobody waits for it. */
    @Test
    void anExpectationThatIsNotMet() throws Exception {
        TestServer server = aggregating(3);
        Client client = connect(server);
        server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        Client.Response refused = client.send(EXPECTING).response();
        assertEquals(413, refused.status());
        assertTrue(refused.saysClose());
        assertEquals(-1, client.read());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void theDrainComesInTheMiddleOfAnUpload() throws Exception {
        TestServer server = aggregating(1000);
        Client client = connect(server).send(HEAD + "\r\nbo");
        Groups.awaitTurn(server.child());
        beginDrain(server);
        assertFalse(app.hasCall());
        client.send("dy");
        app.call().answer();
        assertLast("/later", client);
    }

    /**
     * The response, which had begun before, could not say so: the connection is not idle as long as the
     * upload goes on.
     */
    @Test
    void anUploadThatIsAnsweredBeforeTheDrainIsUnderWay() throws Exception {
        TestServer server = start();
        Client client = connect(server).send(HEAD + "\r\nbo");
        app.call().answer();
        assertFalse(client.response().saysClose());
        DrainReport report = get(server.drain(Duration.ofMillis(300)));
        assertEquals(1, report.forced());
    }

    @ParameterizedTest
    @ValueSource(ints = {204, 304})
    void responsesWithoutABody(int status) throws Exception {
        TestServer server = start();
        Client client = connect(server).send(Client.get("/empty"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        call.ctx().writeAndFlush(new DefaultFullHttpResponse(HTTP_1_1, HttpResponseStatus.valueOf(status)));
        Client.Response response = client.response(false);
        assertEquals(status, response.status());
        assertTrue(response.saysClose());
        assertEquals(-1, client.read());
    }

    /**
     * The client was told at the head of the response; what it sends all the same, the next process shall
     * answer.
     */
    @Test
    void aRequestThatComesWhileTheLastResponseIsSentIsNotProcessed() throws Exception {
        TestServer server = start();
        Client client = connect(server).send(Client.get("/stream"));
        Channel channel = server.child();
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofSeconds(20));
        DrainEvent event = server.event();
        call.begin();
        Await.until("told", () -> ((RunningDrain) event).isNotified(channel));
        String smuggled = Client.get("/smuggled");
        client.send(
                "POST /late HTTP/1.1\r\nHost: test\r\nContent-Length: " + smuggled.length() + "\r\n\r\n" + smuggled);
        client.send(Client.get("/late"));
        Groups.awaitTurn(channel);
        call.add("one");
        call.end();
        assertLast("one", client);
        assertFalse(app.hasCall());
        client.close();
        assertEquals(1, get(drained).notified());
    }
}
