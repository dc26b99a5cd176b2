package io.tableflip.netty.exchange;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpResponseStatus.OK;
import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HttpPartsTest {
    static Stream<Object> parts() {
        return Stream.of(
                new DefaultHttpRequest(HTTP_1_1, GET, "/"),
                new DefaultFullHttpRequest(HTTP_1_1, GET, "/"),
                new DefaultHttpRequest(HTTP_1_1, GET, "/") {},
                new DefaultFullHttpRequest(HTTP_1_1, GET, "/") {},
                new DefaultHttpResponse(HTTP_1_1, OK),
                new DefaultFullHttpResponse(HTTP_1_1, OK),
                new DefaultHttpResponse(HTTP_1_1, OK) {},
                new DefaultFullHttpResponse(HTTP_1_1, OK) {},
                new DefaultHttpContent(Unpooled.EMPTY_BUFFER),
                new DefaultHttpContent(Unpooled.EMPTY_BUFFER) {},
                new DefaultLastHttpContent(),
                new DefaultLastHttpContent() {},
                LastHttpContent.EMPTY_LAST_CONTENT,
                aggregated(),
                Unpooled.EMPTY_BUFFER,
                "something else");
    }

    /** Netty has a class of its own for that. */
    private static Object aggregated() {
        EmbeddedChannel channel = new EmbeddedChannel(new HttpObjectAggregator(100));
        channel.writeInbound(new DefaultHttpRequest(HTTP_1_1, GET, "/"), LastHttpContent.EMPTY_LAST_CONTENT);
        Object whole = channel.readInbound();
        channel.finishAndReleaseAll();
        return whole;
    }

    @ParameterizedTest
    @MethodSource("parts")
    void isWhatItsTypesSay(Object part) {
        assertSame(part instanceof HttpRequest ? part : null, HttpParts.request(part));
        assertSame(part instanceof HttpResponse ? part : null, HttpParts.response(part));
        assertEquals(part instanceof LastHttpContent, HttpParts.isLast(part));
        ReferenceCountUtil.release(part);
    }
}
