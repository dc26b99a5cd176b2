package io.tableflip.netty;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.tableflip.core.Upgrader;
import io.tableflip.core.UpgraderBuilder;
import java.io.IOException;

/**
 * Lets one program run everywhere: with Netty's epoll transport and upgrades where there is that, and with NIO and without upgrades on a developer's
 * machine that has it not. Thread-safe.
 */
public final class Transport {
    private Transport() {}

    /**
     * Event loops of epoll if there is that, otherwise of NIO.
     *
     * @param threads as many, or 0 for as many as Netty takes by itself
     */
    @SuppressWarnings("deprecation") // since 4.2, and on 4.1 there are no others
    public static EventLoopGroup eventLoops(int threads) {
        return Epoll.isAvailable() ? new EpollEventLoopGroup(threads) : new NioEventLoopGroup(threads);
    }

    /**
     * As {@link UpgraderBuilder#buildOrStub()}, and also a stub, which is logged once, if there is no epoll.
     *
     * @throws IllegalStateException as of {@link UpgraderBuilder#buildStub}
     */
    public static Upgrader upgrader(UpgraderBuilder builder) throws IOException {
        ClassesAhead.begin();
        return Epoll.isAvailable()
                ? builder.buildOrStub()
                : builder.buildStub("Netty's epoll transport is not available: " + reason(Epoll.unavailabilityCause()));
    }

    private static String reason(Throwable unavailable) {
        Throwable cause = unavailable.getCause();
        return String.valueOf(cause == null ? unavailable.getMessage() : cause.getMessage());
    }
}
