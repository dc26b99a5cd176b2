package io.tableflip.examples.grpc;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A gRPC server that replaces itself on SIGHUP. Arguments: host, port, PID file, and a file with the greeting. */
public final class GrpcExample {
    private GrpcExample() {}

    public static void main(String[] args) throws Exception {
        InetSocketAddress address = new InetSocketAddress(args[0], Integer.parseInt(args[1]));
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(EpollIoHandler.newFactory());
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(args[2]))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .build()) {
            try {
                serve(upgrader, loops, address, Path.of(args[3]));
            } catch (IOException | RuntimeException e) {
                upgrader.reportFailure(e); // the old process says why it goes on
                throw e;
            }
        } finally {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
    }

    private static void serve(Upgrader upgrader, EventLoopGroup loops, InetSocketAddress address, Path config)
            throws IOException, InterruptedException {
        String greeting = Files.readString(config).strip() + " of generation " + upgrader.generation();
        // gRPC makes a close of a connection a graceful one: GOAWAY, and the calls that have begun go on.
        Server server = NettyServerBuilder.forAddress(address)
                .channelFactory(UpgradableServers.of(upgrader)
                        .factory(BindSpec.of(address).drain(DrainPolicy.CLOSE)))
                .bossEventLoopGroup(loops)
                .workerEventLoopGroup(loops)
                .addService(Greeter.service(greeting, loops))
                .build()
                .start(); // bound, but gated
        upgrader.ready(); // opens the gate; an upgraded process takes over from its parent
        System.out.println("listening on " + address.getHostString() + ":" + server.getPort());
        upgrader.awaitExit(); // upgraded or stopped, and drained; gRPC's own shutdown could not be rolled back
        server.shutdown().awaitTermination(5, TimeUnit.SECONDS);
    }
}
