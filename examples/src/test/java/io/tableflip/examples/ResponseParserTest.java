package io.tableflip.examples;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResponseParserTest {
    private static final String CHUNKED = String.join(
            "\r\n",
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: Chunked",
            "",
            "3;ext=1",
            "abc",
            "1A",
            "abcdefghijklmnopqrstuvwxyz",
            "0",
            "Trailer: x",
            "",
            "");

    private final ResponseParser parser = new ResponseParser();

    private void feed(String text) throws BadResponseException {
        parser.feed(ByteBuffer.wrap(text.getBytes(ISO_8859_1)));
    }

    @Test
    void lengthAndClose() throws Exception {
        feed("HTTP/1.1 200 OK\r\ncontent-LENGTH:  5 \r\nConnection: Close\r\n\r\nhello");
        assertTrue(parser.done());
        assertTrue(parser.close());
        assertEquals(200, parser.status());
        assertEquals("hello", parser.body());
    }

    @Test
    void noBodyAndNoReason() throws Exception {
        feed("HTTP/1.1 404\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
        assertTrue(parser.done());
        assertFalse(parser.close());
        assertEquals(404, parser.status());
    }

    @Test
    void chunksInOnePiece() throws Exception {
        feed(CHUNKED);
        assertTrue(parser.done());
        assertEquals("abcabcdefghijklmnopqrstuvwxyz", parser.body());
    }

    @Test
    void chunksByteByByte() throws Exception {
        assertFalse(parser.begun());
        for (int i = 0; i < CHUNKED.length(); i++) {
            assertFalse(parser.done(), "done before byte " + i);
            feed(CHUNKED.substring(i, i + 1));
            assertTrue(parser.begun());
        }
        assertTrue(parser.done());
        assertEquals("abcabcdefghijklmnopqrstuvwxyz", parser.body());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "X",
                "HTTP/1.0 200 OK\r\n",
                "HTTP/1.1 2x0 OK\r\n",
                "HTTP/1.1 \r\n",
                "HTTP/1.1 100 Continue\r\n",
                "HTTP/1.1 2000 OK\r\n",
                "HTTP/1.1 200 OK\n",
                "HTTP/1.1 200 OK\r\n: x\r\n",
                "HTTP/1.1 200 OK\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
            })
    void refuses(String text) {
        assertThrows(BadResponseException.class, () -> feed(text));
    }

    @Test
    void refusesLinesWithoutEnd() {
        assertThrows(BadResponseException.class, () -> feed("HTTP/1.1 200 " + "x".repeat(9000)));
    }

    @Test
    void quotesGarbageReadably() {
        Exception bad = assertThrows(BadResponseException.class, () -> feed("\u001b[2J"));
        assertEquals("not an HTTP/1.1 response: \"?\"", bad.getMessage());
    }
}
