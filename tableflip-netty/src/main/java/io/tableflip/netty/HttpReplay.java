package io.tableflip.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.function.Predicate;

/** The client of HTTP/1.1; apart, for those who have no codec of it. */
final class HttpReplay {
    static final Predicate<Object> IS_LAST = LastHttpContent.class::isInstance;

    private HttpReplay() {}

    static ChannelHandler client() {
        return new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new HttpClientCodec());
            }
        };
    }
}
