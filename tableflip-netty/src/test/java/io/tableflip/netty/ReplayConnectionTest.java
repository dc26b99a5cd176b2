package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import io.netty.util.AttributeKey;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a request is told when the server closes its connection, whichever of the two is first. */
class ReplayConnectionTest {
    private static final AttributeKey<Boolean> MARK = AttributeKey.valueOf(ReplayConnectionTest.class, "mark");

    private final EventLoop loop = new DefaultEventLoop();

    @AfterEach
    void end() throws InterruptedException {
        loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }

    private ReplayConnection open(ChannelInboundHandlerAdapter server) throws Exception {
        ServerBootstrap bootstrap = new ServerBootstrap().childHandler(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(server);
            }
        });
        return ReplayConnection.open(loop, bootstrap, new ChannelInboundHandlerAdapter(), message -> true, MARK);
    }

    private static void assertToldOfTheEnd(ReplayConnection connection) {
        IOException failure = assertThrows(
                IOException.class, () -> connection.exchange(Unpooled.EMPTY_BUFFER, Duration.ofSeconds(10)));
        assertEquals(
                "a request of the warm-up has failed: java.io.IOException: the server has closed the connection",
                failure.getMessage());
    }

    @Test
    void theServerClosesBeforeTheRequest() throws Exception {
        ReplayConnection connection = open(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelActive(ChannelHandlerContext ctx) {
                ctx.close();
            }
        });
        Await.until("closed", () -> !connection.isUsable(1));
        assertToldOfTheEnd(connection);
    }

    @Test
    void theServerClosesInPlaceOfTheResponse() throws Exception {
        assertToldOfTheEnd(open(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                ctx.close();
            }
        }));
    }
}
