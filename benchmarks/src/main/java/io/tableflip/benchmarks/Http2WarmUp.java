package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpScheme;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.HttpToHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.InboundHttp2ToHttpAdapterBuilder;
import io.netty.handler.ssl.SslContext;
import io.tableflip.core.WarmUp;
import io.tableflip.netty.warmup.LoopbackWarmUp;
import java.util.List;
import javax.net.ssl.SSLException;

/** A warm-up by requests of HTTP/2 over TLS, handshakes among them. */
final class Http2WarmUp {
    /** At an upgrade all clients come at once: the handshake is to be as warm as the rest. */
    private static final int REQUESTS_PER_CONNECTION = 10;

    private static final int MOST_CONTENT = 10_000;

    private Http2WarmUp() {}

    static WarmUp of(ServerBootstrap bootstrap) throws SSLException {
        SslContext tls = Http2Load.tls();
        ChannelInitializer<Channel> client = new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                Http2Connection connection = new DefaultHttp2Connection(false);
                channel.pipeline()
                        .addLast(tls.newHandler(channel.alloc()))
                        .addLast(new HttpToHttp2ConnectionHandlerBuilder()
                                .connection(connection)
                                .httpScheme(HttpScheme.HTTPS)
                                .frameListener(new InboundHttp2ToHttpAdapterBuilder(connection)
                                        .maxContentLength(MOST_CONTENT)
                                        .build())
                                .build());
            }
        };
        FullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
        request.headers().set(HttpHeaderNames.HOST, "localhost");
        return LoopbackWarmUp.of(bootstrap, client, List.of(request), FullHttpResponse.class::isInstance)
                .requestsPerConnection(REQUESTS_PER_CONNECTION)
                .build();
    }
}
