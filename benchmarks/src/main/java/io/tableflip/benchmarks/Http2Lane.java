package io.tableflip.benchmarks;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2GoAwayFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2SettingsFrame;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.tableflip.examples.FailureKind;
import java.net.ConnectException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One connection of an {@link Http2Load}, and those that follow it. For the event loop's thread. */
final class Http2Lane {
    /** Servers need not allow more streams at a time. */
    private static final int MOST_STREAMS = 100;

    private final Bootstrap bootstrap;
    private final Consumer<Outcome> outcomes;
    /** Requests that wait for a connection, by their intended time. */
    private final Queue<Long> waiting = new ArrayDeque<>();

    private final List<Channel> connections = new ArrayList<>();
    /** Takes new streams. */
    private @Nullable Channel open;

    private boolean connecting;
    private int streams; // of the open connection
    private int connects;
    private int goAways;

    Http2Lane(Bootstrap bootstrap, SslContext tls, Consumer<Outcome> outcomes) {
        this.outcomes = outcomes;
        this.bootstrap = bootstrap.clone().handler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(tls.newHandler(channel.alloc()))
                        .addLast(Http2FrameCodecBuilder.forClient()
                                .initialSettings(Http2Settings.defaultSettings().pushEnabled(false))
                                .build())
                        .addLast(new Http2MultiplexHandler(new ChannelInboundHandlerAdapter()))
                        .addLast(new Connection());
            }
        });
    }

    int connects() {
        return connects;
    }

    int goAways() {
        return goAways;
    }

    void send(long intended) {
        Channel channel = open;
        if (channel == null) {
            waiting.add(intended);
            connect();
        } else if (streams == MOST_STREAMS) {
            waiting.add(intended);
        } else {
            begin(channel, intended);
        }
    }

    private void begin(Channel channel, long intended) {
        streams++;
        Http2Exchange exchange = new Http2Exchange(intended, outcomes);
        new Http2StreamChannelBootstrap(channel)
                .handler(exchange)
                .open()
                .addListener((Future<Http2StreamChannel> opened) -> {
                    if (opened.isSuccess()) {
                        opened.getNow().closeFuture().addListener(closed -> ended(channel));
                    } else {
                        exchange.end(FailureKind.RESET);
                        ended(channel);
                    }
                });
    }

    /** A stream has: when its outcome is known, the codec may count it still. */
    private void ended(Channel channel) {
        if (open == channel) {
            streams--;
            sendWaiting();
        }
    }

    private void sendWaiting() {
        while (!waiting.isEmpty() && open != null && streams < MOST_STREAMS) {
            send(waiting.remove());
        }
    }

    private void connect() {
        if (connecting) {
            return;
        }
        connecting = true;
        bootstrap.connect().addListener((ChannelFuture connected) -> {
            if (connected.isSuccess()) {
                connects++;
                connections.add(connected.channel());
            } else {
                fail(connected.cause() instanceof ConnectException ? FailureKind.REFUSED : FailureKind.CLIENT);
            }
        });
    }

    /** The open connection takes no more. */
    private void leave() {
        open = null;
        if (!waiting.isEmpty()) {
            connect();
        }
    }

    private void fail(FailureKind kind) {
        connecting = false;
        List<Long> failed = new ArrayList<>(waiting);
        waiting.clear();
        failed.forEach(intended -> new Http2Exchange(intended, outcomes).end(kind));
    }

    void close() {
        List.copyOf(connections).forEach(Channel::close);
    }

    /** Hears of what concerns a whole connection. */
    private final class Connection extends ChannelInboundHandlerAdapter {
        private boolean usable;

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof Http2SettingsFrame && !usable) {
                usable = true;
                connecting = false;
                open = ctx.channel();
                streams = 0;
                sendWaiting();
            } else if (message instanceof Http2GoAwayFrame && open == ctx.channel()) {
                goAways++;
                leave();
            }
            ReferenceCountUtil.release(message);
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof SslHandshakeCompletionEvent handshake && !handshake.isSuccess()) {
                ctx.close();
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            connections.remove(ctx.channel());
            if (open == ctx.channel()) {
                leave();
            } else if (!usable) {
                fail(FailureKind.EOF);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }
}
