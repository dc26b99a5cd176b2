package io.tableflip.netty.channel;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.EventExecutorGroup;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** Whether Netty can run listening sockets that came as descriptors: only its epoll transport can. */
public final class EpollLoops {
    /**
     * {@code IoEventLoopGroup.isIoType(Class)}, which exists since Netty 4.2; {@code null} on 4.1. By
     * reflection: a method handle takes a new process much longer the first time.
     */
    private static final @Nullable Method IS_IO_TYPE = findIsIoType();

    /** One that was found to be of epoll: a program binds one listener after the other on the same. */
    private static volatile Reference<@Nullable EventLoopGroup> lastEpoll = new WeakReference<>(null);

    /** A program may have thousands of listeners on one group. */
    private static final Map<EventExecutorGroup, CompletableFuture<@Nullable Void>> STARTED =
            Collections.synchronizedMap(new WeakHashMap<>());

    private EpollLoops() {}

    /**
     * Checks that Netty has its native library.
     *
     * @throws IllegalStateException if the native library cannot be used
     */
    static void requireAvailable() {
        if (!Epoll.isAvailable()) {
            throw new IllegalStateException(
                    "Netty's epoll transport is not available: put netty-transport-native-epoll with the classifier"
                            + " linux-x86_64 or linux-aarch_64 on the class path",
                    Epoll.unavailabilityCause());
        }
    }

    /**
     * Checks that a group runs epoll channels.
     *
     * @throws IllegalArgumentException if it cannot
     */
    public static void require(String what, EventLoopGroup group) {
        if (!areEpoll(group)) {
            throw new IllegalArgumentException(
                    what + " is a " + group.getClass().getSimpleName()
                            + ", which does not run Netty's epoll transport: use EpollEventLoopGroup or, from Netty 4.2 on,"
                            + " new MultiThreadIoEventLoopGroup(EpollIoHandler.newFactory())");
        }
    }

    @SuppressWarnings("deprecation") // since 4.2, and on 4.1 there is no other
    public static boolean areEpoll(EventLoopGroup group) {
        if (lastEpoll.get() == group) {
            return true;
        }
        EventLoop loop = group.next();
        boolean epoll =
                group instanceof EpollEventLoopGroup || loop.parent() instanceof EpollEventLoopGroup || runsEpoll(loop);
        if (epoll) {
            lastEpoll = new WeakReference<>(group);
        }
        return epoll;
    }

    /**
     * Starts the threads of these groups, which Netty would only do when the first connection comes.
     *
     * @return completes when all of them run; fails with an {@link IllegalStateException} if the system has
     *     no thread left
     */
    static CompletableFuture<@Nullable Void> startAll(Collection<? extends EventExecutorGroup> groups) {
        return all(groups.stream().map(group -> STARTED.computeIfAbsent(group, EpollLoops::startThreads)));
    }

    private static CompletableFuture<@Nullable Void> startThreads(EventExecutorGroup group) {
        return all(StreamSupport.stream(group.spliterator(), false).map(EpollLoops::startThread));
    }

    private static CompletableFuture<@Nullable Void> all(Stream<CompletableFuture<@Nullable Void>> futures) {
        return CompletableFuture.allOf(futures.toArray(CompletableFuture<?>[]::new));
    }

    private static CompletableFuture<@Nullable Void> startThread(EventExecutor loop) {
        CompletableFuture<@Nullable Void> runs = new CompletableFuture<>();
        try {
            loop.execute(() -> runs.complete(null));
        } catch (RejectedExecutionException e) {
            runs.complete(null); // its queue is full, so it runs; or it ends, and its channels with it
        } catch (OutOfMemoryError e) {
            runs.completeExceptionally(
                    new IllegalStateException("the thread of an event loop cannot be started: " + e.getMessage(), e));
        }
        return runs;
    }

    private static boolean runsEpoll(EventLoop loop) {
        if (IS_IO_TYPE == null || !IS_IO_TYPE.getDeclaringClass().isInstance(loop)) {
            return false;
        }
        try {
            return (boolean) IS_IO_TYPE.invoke(loop, Class.forName("io.netty.channel.epoll.EpollIoHandler"));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot tell whether " + loop + " runs epoll", e);
        }
    }

    private static @Nullable Method findIsIoType() {
        try {
            return Class.forName("io.netty.channel.IoEventLoopGroup").getMethod("isIoType", Class.class);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}
