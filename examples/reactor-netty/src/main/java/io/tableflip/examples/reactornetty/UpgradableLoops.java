package io.tableflip.examples.reactornetty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.ServerSocketChannel;
import io.tableflip.netty.EpollOrNio;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;

/** Event loops that make the listening channel of one server with the factory of {@code UpgradableServers}. */
public final class UpgradableLoops implements LoopResources {
    private final EventLoopGroup loops = EpollOrNio.eventLoops(0);
    private final ChannelFactory<ServerChannel> listener;

    /** @param listener makes the channel of the one server that these loops are for */
    public UpgradableLoops(ChannelFactory<ServerChannel> listener) {
        this.listener = listener;
    }

    @Override
    public EventLoopGroup onServer(boolean useNative) {
        return loops;
    }

    @Override
    public <C extends Channel> C onChannel(Class<C> type, EventLoopGroup group) {
        if (type == ServerSocketChannel.class) {
            return type.cast(listener.newChannel());
        }
        return LoopResources.super.onChannel(type, group);
    }

    @Override
    public Mono<Void> disposeLater(Duration quietPeriod, Duration timeout) {
        return Mono.create(
                disposed -> loops.shutdownGracefully(quietPeriod.toMillis(), timeout.toMillis(), TimeUnit.MILLISECONDS)
                        .addListener(ended -> disposed.success()));
    }
}
