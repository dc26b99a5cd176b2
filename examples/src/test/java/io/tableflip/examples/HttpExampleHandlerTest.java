package io.tableflip.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HttpExampleHandlerTest {
    private final EmbeddedChannel channel = new EmbeddedChannel(
            new HttpServerCodec(),
            new HttpServerKeepAliveHandler(),
            new HttpExampleHandler(Unpooled.unreleasableBuffer(
                    Unpooled.copiedBuffer("me\n", StandardCharsets.UTF_8).asReadOnly())));

    {
        channel.freezeTime();
    }

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    private static String get(String path) {
        return "GET " + path + " HTTP/1.1\r\n\r\n";
    }

    private void receive(String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8));
    }

    private void pass(int millis) {
        channel.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
        channel.runPendingTasks();
    }

    /** What was sent since the last call. */
    private String sent() {
        StringBuilder text = new StringBuilder();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            text.append(part.toString(StandardCharsets.UTF_8));
            part.release();
        }
        return text.toString();
    }

    private static int count(String text, String part) {
        return text.split(part, -1).length - 1;
    }

    @Test
    void description() {
        receive(get("/"));
        assertTrue(sent().endsWith("\r\n\r\nme\n"));
        assertTrue(channel.isOpen());
    }

    @Test
    void slow() {
        receive(get("/slow?ms=100"));
        pass(99);
        assertEquals("", sent());
        pass(1);
        assertTrue(sent().endsWith("\r\n\r\nme\n"));
    }

    @Test
    void stream() {
        receive(get("/stream?chunks=3&ms=10"));
        assertEquals(1, count(sent(), "me\n"));
        pass(10);
        assertEquals("3\r\nme\n\r\n", sent());
        pass(10);
        assertEquals("3\r\nme\n\r\n0\r\n\r\n", sent());
    }

    /** ab waits for the end of the connection unless it is told that it stays. */
    @Test
    void aClientOfHttp10IsToldThatItsConnectionIsKept() {
        receive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        String answer = sent();
        assertTrue(answer.contains("connection: keep-alive\r\n"), answer);
        assertTrue(channel.isOpen());
        receive("GET / HTTP/1.0\r\n\r\n");
        assertTrue(sent().contains("connection: close\r\n"));
        assertFalse(channel.isOpen());
    }

    @Test
    void aStreamForAClientOfHttp10EndsWithTheConnection() {
        receive("GET /stream?chunks=2&ms=10 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        pass(10);
        String answer = sent();
        assertTrue(answer.endsWith("\r\n\r\nme\nme\n"), answer);
        assertFalse(answer.contains("keep-alive"), answer);
        assertFalse(channel.isOpen());
    }

    @Test
    void emptyStream() {
        receive(get("/stream?chunks=0"));
        assertTrue(sent().endsWith("\r\n\r\n0\r\n\r\n"));
    }

    @Test
    void pipelinedRequestsAreAnsweredInOrder() {
        receive(get("/slow?ms=50") + get("/stream?chunks=2&ms=10") + get("/") + get("/slow?ms=50"));
        assertFalse(channel.config().isAutoRead());
        assertEquals("", sent());
        pass(50);
        assertEquals(2, count(sent(), "me\n"), "the slow one, and the begin of the stream");
        pass(10);
        assertEquals(2, count(sent(), "me\n"), "the end of the stream, and the plain one");
        assertFalse(channel.config().isAutoRead());
        pass(50);
        assertEquals(1, count(sent(), "me\n"));
        assertTrue(channel.config().isAutoRead());
    }

    @Test
    void errors() {
        receive(get("/nowhere"));
        assertTrue(sent().startsWith("HTTP/1.1 404 "));
        receive("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + get("/"));
        String answers = sent();
        assertTrue(answers.startsWith("HTTP/1.1 405 "));
        assertTrue(answers.endsWith("\r\n\r\nme\n"));
        receive(get("/slow?ms=soon"));
        assertTrue(sent().startsWith("HTTP/1.1 400 "));
    }

    @Test
    void garbageEndsTheConnection() {
        receive("what?\r\n\r\n");
        assertTrue(sent().startsWith("HTTP/1.1 400 "));
        assertFalse(channel.isOpen());
    }

    @Test
    void clientThatAsksForCloseGetsIt() {
        receive("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        assertTrue(sent().contains("connection: close"));
        assertFalse(channel.isOpen());
    }

    @Test
    void clientThatLeavesEndsItsStream() {
        receive(get("/stream?chunks=1000&ms=10"));
        channel.close();
        pass(100);
        assertEquals(1, count(sent(), "me\n"));
    }
}
