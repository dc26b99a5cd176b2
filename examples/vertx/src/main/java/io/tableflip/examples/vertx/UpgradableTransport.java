package io.tableflip.examples.vertx;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.InternetProtocolFamily;
import io.vertx.core.datagram.DatagramSocketOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.TcpConfig;
import io.vertx.core.spi.transport.Transport;

/**
 * Vert.x's epoll transport, but servers listen through a factory of {@code UpgradableServers}. That makes one channel, for one address: a
 * {@code Vertx} with this transport has one listener, whatever the number of verticles that share it.
 */
final class UpgradableTransport implements io.vertx.core.transport.Transport, Transport {
    private final Transport epoll = EPOLL.implementation();
    private final ChannelFactory<ServerChannel> listener;

    UpgradableTransport(ChannelFactory<ServerChannel> listener) {
        this.listener = listener;
    }

    @Override
    public ChannelFactory<? extends ServerChannel> serverChannelFactory(boolean domainSocket) {
        return () -> {
            ServerChannel channel = listener.newChannel();
            channel.pipeline().addLast(new DrainInstaller());
            return channel;
        };
    }

    // ---- the rest is Vert.x's own

    @Override
    public String name() {
        return "tableflip";
    }

    @Override
    public boolean available() {
        return epoll.isAvailable();
    }

    @Override
    public Throwable unavailabilityCause() {
        return epoll.unavailabilityCause();
    }

    @Override
    public Transport implementation() {
        return this;
    }

    @Override
    public boolean supportsDomainSockets() {
        return epoll.supportsDomainSockets();
    }

    @Override
    public java.net.SocketAddress convert(SocketAddress address) {
        return epoll.convert(address);
    }

    @Override
    public SocketAddress convert(java.net.SocketAddress address) {
        return epoll.convert(address);
    }

    @Override
    public IoHandlerFactory ioHandlerFactory() {
        return epoll.ioHandlerFactory();
    }

    @Override
    public ChannelFactory<? extends Channel> channelFactory(boolean domainSocket) {
        return epoll.channelFactory(domainSocket);
    }

    @Override
    @SuppressWarnings("deprecation") // it is what Vert.x asks for
    public DatagramChannel datagramChannel(InternetProtocolFamily family) {
        return epoll.datagramChannel(family);
    }

    @Override
    public ChannelFactory<? extends DatagramChannel> datagramChannelFactory() {
        return epoll.datagramChannelFactory();
    }

    @Override
    public void configure(DatagramChannel channel, DatagramSocketOptions options) {
        epoll.configure(channel, options);
    }

    @Override
    public void configure(TcpConfig options, boolean domainSocket, Bootstrap bootstrap) {
        epoll.configure(options, domainSocket, bootstrap);
    }

    @Override
    public void configure(TcpConfig options, boolean domainSocket, ServerBootstrap bootstrap) {
        epoll.configure(options, domainSocket, bootstrap);
    }
}
