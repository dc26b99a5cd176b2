package io.tableflip.netty.transfer;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponse;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a client of WebSocket was told: extensions and subprotocol. They cannot change as long as its
 * connection lives.
 */
final class Negotiated {
    private static final Pattern CLIENT_BITS = Pattern.compile("client_max_window_bits\\s*=\\s*\"?(\\d{1,2})");
    private static final int MOST_BITS = 15;

    private final String extensions;
    private final String subprotocol;

    Negotiated(HttpResponse response) {
        extensions = String.join(",", response.headers().getAll(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS));
        subprotocol = response.headers().get(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL, "");
    }

    /** Whether it has an extension whose state nobody here knows. */
    boolean isUnknown() {
        String first = extensions.split(";", 2)[0].strip();
        return !extensions.isEmpty() && (!first.equals("permessage-deflate") || extensions.contains(","));
    }

    /** How many bytes the client's compressor may look back into messages that have ended; 0 without one. */
    int clientWindow() {
        String parameters = extensions.toLowerCase(Locale.ROOT);
        if (extensions.isEmpty() || parameters.contains("client_no_context_takeover")) {
            return 0;
        }
        Matcher bits = CLIENT_BITS.matcher(parameters);
        return 1 << Math.min(MOST_BITS, bits.find() ? Integer.parseInt(bits.group(1)) : MOST_BITS);
    }

    /** The same text means the same result. */
    @Override
    public String toString() {
        return "extensions [" + extensions + "], subprotocol [" + subprotocol + "]";
    }
}
