package io.tableflip.netty;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.channel.Channel;
import io.netty.channel.DefaultSelectStrategyFactory;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.util.concurrent.DefaultEventExecutorChooserFactory;
import io.netty.util.concurrent.RejectedExecutionHandlers;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** Event loops of both lines of Netty; what only 4.2 has is found by reflection. */
@SuppressWarnings("deprecation") // since 4.2, and on 4.1 there are no others
public final class Groups {
    private Groups() {}

    public static EventLoopGroup epoll(int threads) {
        return new io.netty.channel.epoll.EpollEventLoopGroup(threads);
    }

    public static EventLoopGroup epoll(int threads, ThreadFactory factory) {
        return new io.netty.channel.epoll.EpollEventLoopGroup(threads, factory);
    }

    /** One loop whose queue has room for 16 tasks. */
    public static EventLoopGroup epollWithShortQueue() {
        return new io.netty.channel.epoll.EpollEventLoopGroup(
                1,
                null,
                DefaultEventExecutorChooserFactory.INSTANCE,
                DefaultSelectStrategyFactory.INSTANCE,
                RejectedExecutionHandlers.reject(),
                capacity -> new ArrayBlockingQueue<>(16));
    }

    public static EventLoopGroup nio() {
        return new NioEventLoopGroup(1);
    }

    /** A MultiThreadIoEventLoopGroup with the handler of that name; skips the test on 4.1. */
    public static EventLoopGroup io(String handler) throws ReflectiveOperationException {
        assumeTrue(
                exists("io.netty.channel.MultiThreadIoEventLoopGroup"), "Netty 4.1 has no MultiThreadIoEventLoopGroup");
        Object factory = Class.forName(handler).getMethod("newFactory").invoke(null);
        return Class.forName("io.netty.channel.MultiThreadIoEventLoopGroup")
                .asSubclass(EventLoopGroup.class)
                .getConstructor(int.class, Class.forName("io.netty.channel.IoHandlerFactory"))
                .newInstance(1, factory);
    }

    /** Returns when the loop of the channel has looked at its sockets, and has run what that brought. */
    public static void awaitTurn(Channel channel) throws InterruptedException {
        for (int round = 0; round < 3; round++) {
            channel.eventLoop().schedule(() -> {}, 1, TimeUnit.MILLISECONDS).sync();
        }
    }

    private static boolean exists(String name) {
        try {
            Class.forName(name);
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }
}
