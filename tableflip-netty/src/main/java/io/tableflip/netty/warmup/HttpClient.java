package io.tableflip.netty.warmup;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.function.Predicate;

/** The client's side of HTTP/1.1. A class of its own, for programs without that codec. */
final class HttpClient {
    static final Predicate<Object> IS_LAST = LastHttpContent.class::isInstance;

    private HttpClient() {}

    static ChannelHandler codec() {
        return new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new HttpClientCodec());
            }
        };
    }
}
