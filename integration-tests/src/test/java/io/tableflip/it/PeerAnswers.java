package io.tableflip.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.string.StringDecoder;
import io.netty.handler.codec.string.StringEncoder;
import io.tableflip.core.Upgrader;
import org.jspecify.annotations.Nullable;

/** What {@link JavaPeer} answers: its name and what it was sent. */
final class PeerAnswers {
    private PeerAnswers() {}

    private static String echo(String line) {
        return JavaPeer.name() + " " + line;
    }

    /** Turns what is received into lines, and strings into what is sent. */
    static void addLineCodec(ChannelPipeline pipeline) {
        pipeline.addLast(new LineBasedFrameDecoder(1024), new StringDecoder(UTF_8), new StringEncoder(UTF_8));
    }

    /** One line for each connection. The line {@code upgrade} is answered when the upgrade has ended, one way or the other. */
    static final class Lines extends ChannelInitializer<Channel> {
        private final @Nullable Upgrader upgrader;

        /** @param upgrader {@code null} to take no commands */
        Lines(@Nullable Upgrader upgrader) {
            this.upgrader = upgrader;
        }

        @Override
        protected void initChannel(Channel channel) {
            addLineCodec(channel.pipeline());
            channel.pipeline().addLast(new Line(upgrader));
        }
    }

    private static final class Line extends SimpleChannelInboundHandler<String> {
        private final @Nullable Upgrader upgrader;

        Line(@Nullable Upgrader upgrader) {
            this.upgrader = upgrader;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, String line) {
            if (upgrader == null || !line.equals("upgrade")) {
                answer(context, echo(line));
                return;
            }
            upgrader.upgrade()
                    .whenComplete((pid, failure) ->
                            answer(context, echo(failure == null ? "upgraded" : "failed: " + failure.getMessage())));
        }

        private static void answer(ChannelHandlerContext context, String text) {
            context.writeAndFlush(text + "\n").addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close(); // the client sees it
        }
    }

    /** One datagram for each. */
    static final class Datagrams extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            String answer = echo(packet.content().toString(UTF_8));
            context.writeAndFlush(new DatagramPacket(Unpooled.copiedBuffer(answer, UTF_8), packet.sender()));
        }
    }
}
