package io.tableflip.netty;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.tableflip.core.Upgrader;
import java.io.IOException;

/**
 * Lets one program run everywhere: with Netty's epoll transport and upgrades where these exist, and with NIO
 * and without upgrades on a developer's machine that has neither. Thread-safe.
 */
public final class EpollOrNio {
    private EpollOrNio() {}

    /**
     * Event loops of epoll where it exists, otherwise of NIO.
     *
     * @param threads the number of threads, or 0 for Netty's default
     */
    @SuppressWarnings("deprecation") // since 4.2, and on 4.1 there are no others
    public static EventLoopGroup eventLoops(int threads) {
        return Epoll.isAvailable() ? new EpollEventLoopGroup(threads) : new NioEventLoopGroup(threads);
    }

    /**
     * The same as {@link Upgrader.Builder#buildOrStub()}, but it also builds a stub where there is no epoll.
     *
     * @throws IllegalStateException as {@link Upgrader.Builder#buildOrStub()}
     */
    public static Upgrader upgrader(Upgrader.Builder builder) throws IOException {
        if (!Epoll.isAvailable()) {
            builder.withoutUpgrades("Netty's epoll transport is not available: " + reason(Epoll.unavailabilityCause()));
        }
        return builder.buildOrStub();
    }

    private static String reason(Throwable unavailable) {
        Throwable cause = unavailable.getCause();
        return String.valueOf(cause == null ? unavailable.getMessage() : cause.getMessage());
    }
}
