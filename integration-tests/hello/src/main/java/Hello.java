import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.*;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.handler.codec.http.*;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

public class Hello {
    public static void main(String[] args) throws Exception {
        var builder = Upgrader.builder().pidFile(Path.of(args[0]));
        var group = new MultiThreadIoEventLoopGroup(EpollIoHandler.newFactory());
        try {
            builder.upgradeOn("HUP").stopOn("TERM", "INT").run(upgrader -> {
                var servers = UpgradableServers.of(upgrader);
                var bootstrap = new ServerBootstrap().group(group).childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new HttpServerCodec(), new HttpDrainHandler());
                        channel.pipeline().addLast(new HttpServerKeepAliveHandler(), new HelloHandler());
                    }
                });
                servers.bind(bootstrap, new InetSocketAddress(8080)).sync(); // inherited or new, still closed
            }); // now it accepts connections; returns when upgraded or stopped, and drained
        } finally {
            group.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    static class HelloHandler extends SimpleChannelInboundHandler<HttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, HttpRequest request) {
            long pid = ProcessHandle.current().pid();
            var body = Unpooled.copiedBuffer("Hello from process " + pid + "\n", UTF_8);
            var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
            HttpUtil.setContentLength(response, body.readableBytes());
            context.writeAndFlush(response);
        }
    }
}
