package io.tableflip.netty;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpResponseStatus.OK;
import static io.netty.handler.codec.http.HttpVersion.HTTP_1_1;
import static java.lang.System.Logger.Level.DEBUG;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.core.DrainReport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A drain of some connections inside this process, which have neither a socket nor a handler of the user: a process drains once in its life, and all
 * that its event loops do then is new to the JVM. Without this the requests on the same loops wait until some thirty lambdas are linked, 10 ms and more on a busy machine.
 *
 * <p>Connections of HTTP/1.1; what is common to all protocols is in that.
 */
final class DrainRehearsal {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final AtomicBoolean BEGUN = new AtomicBoolean();

    private static final int CONNECTIONS = 8;
    private static final Duration WINDOW = Duration.ofMillis(50);
    private static final long PAUSE_MILLIS = 10;
    /** Who traces every request of a codec, as a Java agent does, sees some of these. */
    private static final String PATH = "/tableflip-rehearsal";

    /** Far more than it takes. */
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final DrainRun run = new DrainRun(LIMIT);
    private final List<Child> children = new ArrayList<>();

    private DrainRehearsal() {}

    /** The first time, and not without {@code netty-codec-http}. */
    static void once() {
        if (!BEGUN.getAndSet(true)) {
            try {
                LOG.log(DEBUG, "rehearsal of a drain: {0}", run());
            } catch (LinkageError | RuntimeException e) {
                LOG.log(DEBUG, "no rehearsal of a drain", e);
            }
        }
    }

    /** Returns when the drain is over. */
    static DrainReport run() {
        EventLoop loop = new DefaultEventLoop(task -> {
            Thread thread = new Thread(task, "tableflip-rehearsal");
            thread.setDaemon(true);
            return thread;
        });
        DrainRehearsal rehearsal = new DrainRehearsal();
        try {
            for (int i = 0; i < CONNECTIONS; i++) {
                rehearsal.connect(loop, i % 2 == 0);
            }
            rehearsal.run.begin(rehearsal.children);
            rehearsal.run.complete(rehearsal.children);
            return rehearsal.run.report().join(); // at its limit at the latest
        } finally {
            rehearsal.children.forEach(child -> child.channel().close());
            loop.shutdownGracefully(0, LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** @param closes whether the application closes after the last response, as some do */
    private void connect(EventLoop loop, boolean closes) {
        ReplayChannel server = new ReplayChannel();
        ReplayChannel client = new ReplayChannel();
        server.connectTo(client);
        Child child = new Child(server, Drain.HANDLERS.spreadOver(WINDOW));
        child.gone().thenRun(() -> run.gone(child));
        server.pipeline().addLast(new HttpServerCodec(), new HttpDrainHandler(), new Answering(closes));
        client.pipeline().addLast(new HttpClientCodec(), new Asking());
        loop.register(server).syncUninterruptibly();
        loop.register(client).syncUninterruptibly();
        children.add(child);
    }

    private static final class Answering extends ChannelInboundHandlerAdapter {
        private final boolean closes;

        Answering(boolean closes) {
            this.closes = closes;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            boolean end = message instanceof LastHttpContent;
            ReferenceCountUtil.release(message);
            if (end) {
                FullHttpResponse response = new DefaultFullHttpResponse(HTTP_1_1, OK, Unpooled.EMPTY_BUFFER);
                HttpUtil.setContentLength(response, 0);
                ctx.writeAndFlush(response);
                if (closes && DrainEvent.of(ctx.channel()).isPresent()) {
                    ctx.close();
                }
            }
        }
    }

    /** Asks again and again, until it is told that the connection will be closed: the server closes it first. */
    private static final class Asking extends ChannelInboundHandlerAdapter {
        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            ask(ctx);
        }

        private static void ask(ChannelHandlerContext ctx) {
            ctx.writeAndFlush(new DefaultFullHttpRequest(HTTP_1_1, GET, PATH));
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            boolean end = message instanceof LastHttpContent;
            ReferenceCountUtil.release(message);
            if (end) {
                // what comes behind the last response is ignored
                ctx.executor().schedule(() -> ask(ctx), PAUSE_MILLIS, TimeUnit.MILLISECONDS);
            }
        }
    }
}
