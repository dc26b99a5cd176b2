package io.tableflip.netty.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipelineException;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.ReferenceCountUtil;
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
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class HttpDrainHandlerTest {
    private static final Duration LONG = Duration.ofSeconds(20);

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final HttpApp app = new HttpApp();

    @Test
    void aSlowRequestIsAnsweredAndToldToClose() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        call.answer();
        assertLast("/slow", client);
        client.close();
        DrainReport report = get(drained);
        assertEquals(1, report.finished());
        assertEquals(1, report.notified());
    }

    @Test
    void anIdleConnectionStaysForItsNextRequest() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        assertFalse(client.send(Client.get("/now1")).response().saysClose());
        CompletableFuture<DrainReport> drained = beginDrain(server);
        assertFalse(drained.isDone());
        client.send(Client.get("/now2"));
        assertLast("/now2", client);
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aConnectionThatHasSentNothingYetIsServed() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.send(Client.get("/now"));
        assertLast("/now", client);
        client.close();
        assertEquals(1, get(drained).notified());
    }

    @Test
    void pipelinedRequestsAreAllAnsweredThoughTheFirstIsAnsweredBeforeTheNextIsDecoded() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        server.child();
        beginDrain(server);
        client.send(Client.get("/now1") + Client.get("/now2") + Client.get("/now3"));
        assertNotLast("/now1", client);
        assertNotLast("/now2", client);
        assertLast("/now3", client);
    }

    @Test
    @SuppressWarnings("deprecation") // RCVBUF_ALLOCATOR, and there is no other way
    void pipelinedRequestsThatAreStillInTheKernelAreAnsweredToo() throws Exception {
        TestServer server = server();
        // one request a read, one read a round of the loop
        FixedRecvByteBufAllocator onePerRound =
                new FixedRecvByteBufAllocator(Client.get("/now1").length());
        onePerRound.maxMessagesPerRead(1);
        server.bootstrap.childOption(ChannelOption.RCVBUF_ALLOCATOR, onePerRound);
        serve(server);
        Client client = connect(server);
        server.child();
        beginDrain(server);
        client.send(Client.get("/now1") + Client.get("/now2") + Client.get("/now3") + Client.get("/now4"));
        assertNotLast("/now1", client);
        assertNotLast("/now2", client);
        assertNotLast("/now3", client);
        assertLast("/now4", client);
    }

    @Test
    void pipelinedRequestsThatAreAnsweredLaterAreAllAnswered() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/1") + Client.get("/2") + Client.get("/3"));
        HttpApp.Call one = app.call();
        HttpApp.Call two = app.call();
        HttpApp.Call three = app.call();
        beginDrain(server);
        one.answer();
        assertNotLast("/1", client);
        two.answer();
        assertNotLast("/2", client);
        three.answer();
        assertLast("/3", client);
    }

    @Test
    void aResponseThatHadBegunBeforeEndsAndTheNextSaysClose() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/stream"));
        HttpApp.Call call = app.call();
        call.begin();
        call.add("one ");
        CompletableFuture<DrainReport> drained = beginDrain(server);
        call.add("two");
        call.end();
        assertNotLast("one two", client);
        assertFalse(drained.isDone());
        client.send(Client.get("/now"));
        assertLast("/now", client);
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aResponseThatBeginsAfterwardsIsToldAtItsHead() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/stream"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        call.begin();
        call.add("one ");
        call.add("two");
        call.end();
        assertLast("one two", client);
    }

    @Test
    void bytesThatComeAfterTheLastResponseDoNotDestroyIt() throws Exception {
        TestServer server = server();
        server.bootstrap.childOption(ChannelOption.SO_SNDBUF, 200_000);
        serve(server);
        Client client = cleanup.add(Client.connect(server.address(), 4_000));
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        String body = "0123456789".repeat(10_000);
        call.ctx().writeAndFlush(HttpApp.ok(body)).sync();
        DuplexChannel channel = (DuplexChannel) server.child();
        Await.until("closed for sending", channel::isOutputShutdown);
        // Most of the response is still in the kernel. A closed socket would answer these with a reset and
        // throw it away.
        client.send(Client.get("/late").repeat(1000));
        assertLast(body, client);
        assertFalse(app.hasCall());
        client.close();
        Await.until("closed", () -> !channel.isOpen());
    }

    /** Nor if the drain was called off while it was sent, and its deadline has passed since. */
    @Test
    void theDeadlineOfADrainThatWasCalledOffDoesNotCutTheLastResponse() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        Channel channel = server.child();
        server.drain(Duration.ofMillis(500));
        DrainEvent event = server.event();
        call.begin();
        call.add("one");
        Await.until("told", () -> ((RunningDrain) event).isNotified(channel));
        server.upgrader.resume();
        assertTrue(event.isCancelled());
        Await.until("past the deadline", () -> event.remaining().isZero());
        call.end();
        assertLast("one", client);
        Groups.awaitTurn(channel);
        assertTrue(channel.isOpen(), "for the client to close");
        client.close();
        Await.until("closed", () -> !channel.isOpen());
    }

    @Test
    void aClientThatDoesNotCloseIsClosedSoon() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        call.answer();
        client.response();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void aClosingChannelIsReadToItsEndWhoeverReads() throws Exception {
        TestServer server = server();
        server.bootstrap.childOption(ChannelOption.AUTO_READ, false);
        serve(server);
        Client client = connect(server);
        Channel channel = server.child();
        channel.read();
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        call.answer();
        assertLast("/slow", client);
        client.send("x".repeat(10_000));
        client.close();
        assertTrue(get(drained).elapsed().toMillis() < 2_000, "the end of the stream was seen");
    }

    @Test
    void afterARollbackNothingSaysCloseUntilTheNextDrain() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        beginDrain(server);
        server.upgrader.resume();
        call.answer();
        assertNotLast("/slow", client);
        client.send(Client.get("/now"));
        assertNotLast("/now", client);

        beginDrain(server);
        client.send(Client.get("/now"));
        assertLast("/now", client);
    }

    @Test
    void aClientThatClosesItsSideAfterItsRequestIsAnswered() throws Exception {
        TestServer server = start();
        for (int i = 0; i < 20; i++) {
            Client client = connect(server);
            Channel channel = server.child();
            CompletableFuture<DrainReport> drained = beginDrain(server);
            sendAndCloseOneSide(channel, client, Client.get("/now1") + Client.get("/now2"));
            assertNotLast("/now1", client);
            assertLast("/now2", client);
            assertEquals(1, get(drained).finished());
            server.upgrader.resume();
        }
    }

    @Test
    void aClientThatClosesItsSideIsAnsweredAtARollbackToo() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        Channel channel = server.child();
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        DrainEvent event = drainEvent(server);
        CountDownLatch go = new CountDownLatch(1);
        cleanup.add(go::countDown);
        CountDownLatch answered = new CountDownLatch(1);
        channel.eventLoop().execute(() -> {
            call.answer();
            ((RunningDrain) event).cancel();
            answered.countDown();
            Await.latch(go);
        });
        Await.latch(answered);
        client.socket.shutdownOutput();
        go.countDown();
        assertEquals("/slow", client.response().body());
        assertEquals(-1, client.read());
        Await.until("closed", () -> !channel.isOpen());
    }

    @Test
    void aClientThatHadClosedItsSideBeforeIsNotWaitedFor() throws Exception {
        TestServer server = server();
        server.bootstrap.childOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        serve(server);
        Client client = connect(server);
        DuplexChannel channel = (DuplexChannel) server.child();
        client.send(Client.get("/slow"));
        HttpApp.Call call = app.call();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.socket.shutdownOutput();
        Await.until("closed by the client", channel::isInputShutdown);
        long answered = System.nanoTime();
        call.answer();
        assertLast("/slow", client);
        assertEquals(1, get(drained).finished());
        assertTrue(System.nanoTime() - answered < TimeUnit.MILLISECONDS.toNanos(1_500));
    }

    /** So that the loop finds both at once. */
    private void sendAndCloseOneSide(Channel channel, Client client, String requests) throws IOException {
        CountDownLatch go = new CountDownLatch(1);
        cleanup.add(go::countDown);
        channel.eventLoop().execute(() -> Await.latch(go));
        client.send(requests);
        client.socket.shutdownOutput();
        go.countDown();
    }

    @Test
    void anUploadThatIsAnsweredBeforeItsEndIsReadToItsEnd() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        DuplexChannel channel = (DuplexChannel) server.child();
        CompletableFuture<DrainReport> drained = beginDrain(server);
        client.send("POST /now HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
        assertTrue(client.response().saysClose());
        client.send("01234");
        Groups.awaitTurn(channel);
        assertFalse(channel.isOutputShutdown());
        client.send("56789");
        assertEquals(-1, client.read());
        client.close();
        assertEquals(1, get(drained).finished());
    }

    @Test
    void atTheTimeoutConnectionsAreIdleOrForced() throws Exception {
        TestServer server = start();
        Client idle = connect(server);
        assertFalse(idle.send(Client.get("/now")).response().saysClose());
        Client busy = connect(server);
        busy.send(Client.get("/never"));
        app.call();
        DrainReport report = get(server.drain(Duration.ofMillis(100)));
        assertEquals(1, report.idle());
        assertEquals(1, report.forced());
        assertEquals(0, report.notified());
        assertEquals(-1, idle.read());
        assertEquals(-1, busy.read());
    }

    @Test
    void aResponseThatTheClientHasNotTakenIsForcedAtTheTimeout() throws Exception {
        TestServer server = start();
        Client client = cleanup.add(Client.connect(server.address(), 10_000));
        Channel channel = server.child();
        client.send(Client.get("/big"));
        HttpApp.Call call = app.call();
        call.ctx().writeAndFlush(HttpApp.ok("x".repeat(30_000_000)));
        Groups.awaitTurn(channel);
        DrainReport report = get(server.drain(Duration.ofMillis(300)));
        assertEquals(1, report.forced());
        assertEquals(0, report.idle());
    }

    @Test
    void aClientThatWasToldAndStaysIsFinishedAtTheTimeout() throws Exception {
        TestServer server = start();
        Client client = connect(server);
        server.child();
        CompletableFuture<DrainReport> drained = server.drain(Duration.ofMillis(500));
        server.event();
        assertTrue(client.send(Client.get("/now")).response().saysClose());
        assertEquals(1, get(drained).finished());
    }

    @Test
    void keepAliveClientsThatObeyLoseNothing() throws Exception {
        TestServer server = start();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        cleanup.add(threads::shutdownNow);
        List<Future<Integer>> clients = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Client client = connect(server);
            server.child();
            clients.add(threads.submit(() -> requestUntilToldToClose(client)));
        }
        DrainReport report = get(beginDrain(server));
        for (Future<Integer> client : clients) {
            assertTrue(client.get(10, TimeUnit.SECONDS) > 0);
        }
        assertEquals(8, report.finished());
        assertEquals(8, report.notified());
    }

    private static int requestUntilToldToClose(Client client) throws IOException {
        int count = 1;
        while (!client.send(Client.get("/now")).response().saysClose()) {
            count++;
        }
        client.close();
        return count;
    }

    @Test
    void aSecondOneInThePipelineIsRefused() {
        EmbeddedChannel channel = new EmbeddedChannel(new HttpServerCodec(), new HttpDrainHandler());
        channel.pipeline().addLast(new HttpDrainHandler());
        ChannelPipelineException refused = assertThrows(ChannelPipelineException.class, channel::checkException);
        Throwable cause = refused.getCause();
        assertTrue(String.valueOf(cause).contains("has an HttpDrainHandler already"), String.valueOf(cause));
        assertEquals(
                1,
                channel.pipeline().names().stream()
                        .filter(name -> name.startsWith("HttpDrain"))
                        .count());
        ReferenceCountUtil.release(channel.readOutbound());
    }

    /** Pauses, drains, and comes back when the event has come through every pipeline. */
    static CompletableFuture<DrainReport> beginDrain(TestServer server) throws Exception {
        CompletableFuture<DrainReport> drained = server.drain(LONG);
        server.event();
        return drained;
    }

    private static DrainEvent drainEvent(TestServer server) throws Exception {
        server.drain(LONG);
        return server.event();
    }

    static void assertNotLast(String body, Client client) throws IOException {
        Client.Response response = client.response();
        assertEquals(body, response.body());
        assertFalse(response.saysClose());
    }

    static void assertLast(String body, Client client) throws IOException {
        Client.Response response = client.response();
        assertEquals(body, response.body());
        assertTrue(response.saysClose());
        assertEquals(-1, client.read());
    }

    static DrainReport get(CompletableFuture<DrainReport> drained) throws Exception {
        return drained.get(10, TimeUnit.SECONDS);
    }

    private Client connect(TestServer server) throws Exception {
        return cleanup.add(server.connect());
    }

    private TestServer start() throws Exception {
        TestServer server = server();
        serve(server);
        return server;
    }

    private static void serve(TestServer server) throws Exception {
        server.bind(DrainPolicy.HANDLERS);
        server.upgrader.resume();
    }

    private TestServer server() {
        return cleanup.add(
                new TestServer(pipeline -> pipeline.addLast(new HttpServerCodec(), new HttpDrainHandler(), app)));
    }
}
