package io.tableflip.netty;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/** Whether Netty can run listening sockets that came as descriptors: only its epoll transport can. */
final class EpollLoops {
    /** {@code IoEventLoopGroup.isIoType(Class)}, which exists since Netty 4.2; {@code null} on 4.1. */
    private static final @Nullable MethodHandle IS_IO_TYPE = findIsIoType();

    private EpollLoops() {}

    /** @throws IllegalStateException if the native library cannot be used */
    static void requireAvailable() {
        if (!Epoll.isAvailable()) {
            throw new IllegalStateException(
                    "Netty's epoll transport is not available: put netty-transport-native-epoll with the classifier"
                            + " linux-x86_64 or linux-aarch_64 on the class path",
                    Epoll.unavailabilityCause());
        }
    }

    /** @throws IllegalArgumentException if the group cannot run epoll channels */
    static void require(String what, EventLoopGroup group) {
        if (!areEpoll(group)) {
            throw new IllegalArgumentException(
                    what + " is a " + group.getClass().getSimpleName()
                            + ", which does not run Netty's epoll transport: use EpollEventLoopGroup or, from Netty 4.2 on,"
                            + " new MultiThreadIoEventLoopGroup(EpollIoHandler.newFactory())");
        }
    }

    @SuppressWarnings("deprecation") // since 4.2, and on 4.1 there is no other
    static boolean areEpoll(EventLoopGroup group) {
        EventLoop loop = group.next();
        return group instanceof EpollEventLoopGroup || loop.parent() instanceof EpollEventLoopGroup || runsEpoll(loop);
    }

    private static boolean runsEpoll(EventLoop loop) {
        if (IS_IO_TYPE == null || !IS_IO_TYPE.type().parameterType(0).isInstance(loop)) {
            return false;
        }
        try {
            return (boolean) IS_IO_TYPE.invoke(loop, Class.forName("io.netty.channel.epoll.EpollIoHandler"));
        } catch (Throwable e) {
            throw new IllegalStateException("cannot tell whether " + loop + " runs epoll", e);
        }
    }

    private static @Nullable MethodHandle findIsIoType() {
        try {
            Class<?> group = Class.forName("io.netty.channel.IoEventLoopGroup");
            MethodType type = MethodType.methodType(boolean.class, Class.class);
            return MethodHandles.publicLookup().findVirtual(group, "isIoType", type);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}
