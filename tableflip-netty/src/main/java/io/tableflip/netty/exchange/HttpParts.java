package io.tableflip.netty.exchange;

import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import org.jspecify.annotations.Nullable;

/**
 * What the parts of HTTP/1.1 messages are. Each is looked at, by every connection: the classes that Netty
 * makes are known by themselves, for which the JVM has to compare one word, while to find an interface among
 * all that a class has costs more, and what it remembers of that is shared by all threads (JDK-8180450).
 */
public final class HttpParts {
    private HttpParts() {}

    /** The head of a request, or a whole one. */
    public static @Nullable HttpRequest request(Object part) {
        if (part instanceof DefaultHttpRequest head) {
            return head;
        }
        return !isContent(part) && part instanceof HttpRequest other ? other : null;
    }

    /** The head of a response, or a whole one. */
    public static @Nullable HttpResponse response(Object part) {
        if (part instanceof DefaultHttpResponse head) {
            return head;
        }
        return !isContent(part) && part instanceof HttpResponse other ? other : null;
    }

    /** Certainly content and nothing else. */
    private static boolean isContent(Object part) {
        return part == LastHttpContent.EMPTY_LAST_CONTENT
                || part.getClass() == DefaultHttpContent.class
                || part.getClass() == DefaultLastHttpContent.class;
    }

    /** The end of a message, or a whole one. */
    public static boolean isLast(Object part) {
        Class<?> type = part.getClass();
        if (part == LastHttpContent.EMPTY_LAST_CONTENT
                || type == DefaultFullHttpResponse.class
                || type == DefaultLastHttpContent.class
                || type == DefaultFullHttpRequest.class) {
            return true;
        }
        boolean isKnown = type == DefaultHttpRequest.class
                || type == DefaultHttpResponse.class
                || type == DefaultHttpContent.class;
        return !isKnown && part instanceof LastHttpContent;
    }
}
