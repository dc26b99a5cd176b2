package io.tableflip.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.UnixChannelOption;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The HTTP example as it would be without tableflip: the same transport and pipeline, the same answer. */
final class PlainServer {
    private PlainServer() {}

    /** {@code --listen HOST:PORT [--reuse-port]}. Says "listening on HOST:PORT" when it does. */
    public static void main(String[] arguments) throws InterruptedException {
        List<String> options = List.of(arguments);
        String listen = options.get(options.indexOf("--listen") + 1);
        int colon = listen.lastIndexOf(':');
        InetSocketAddress address =
                new InetSocketAddress(listen.substring(0, colon), Integer.parseInt(listen.substring(colon + 1)));
        Channel server = start(address, options.contains("--reuse-port"));
        InetSocketAddress bound = (InetSocketAddress) server.localAddress();
        System.out.println("listening on " + bound.getAddress().getHostAddress() + ":" + bound.getPort());
        server.closeFuture().sync();
    }

    @SuppressWarnings("deprecation") // as the example, which runs on Netty 4.1 too
    private static Channel start(InetSocketAddress address, boolean reusePort) throws InterruptedException {
        EventLoopGroup boss = new EpollEventLoopGroup(1);
        EventLoopGroup io = new EpollEventLoopGroup();
        String json = "{\"pid\":" + ProcessHandle.current().pid() + ",\"generation\":1,\"greeting\":\"hello\"}\n";
        ByteBuf description = Unpooled.unreleasableBuffer(Unpooled.copiedBuffer(json, StandardCharsets.UTF_8))
                .asReadOnly();
        return new ServerBootstrap()
                .group(boss, io)
                .channel(EpollServerSocketChannel.class)
                .option(UnixChannelOption.SO_REUSEPORT, reusePort)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline()
                                .addLast(new HttpServerCodec())
                                .addLast(new HttpServerKeepAliveHandler())
                                .addLast(new Answer(description));
                    }
                })
                .bind(address)
                .sync()
                .channel();
    }

    /** Answers every request alike. */
    private static final class Answer extends SimpleChannelInboundHandler<HttpObject> {
        private final ByteBuf description;

        Answer(ByteBuf description) {
            this.description = description;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
            if (message instanceof HttpRequest) { // the rest are bodies, which nobody wants
                FullHttpResponse response = new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1, HttpResponseStatus.OK, description.duplicate());
                HttpUtil.setContentLength(response, description.readableBytes());
                response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
                ctx.writeAndFlush(response);
            }
        }
    }
}
