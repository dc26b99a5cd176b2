package io.tableflip.examples.reactornetty;

import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.netty.http.HttpDrainHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.NettyPipeline;
import reactor.netty.http.server.HttpServer;

/** A Reactor Netty server that replaces itself on SIGHUP. Arguments: host, port, PID file, and a file with the greeting. */
public final class ReactorNettyExample {
    /** So many chunks make a whole streamed answer. */
    static final int STREAMED = 30;

    private ReactorNettyExample() {}

    public static void main(String[] args) throws Exception {
        InetSocketAddress address = new InetSocketAddress(args[0], Integer.parseInt(args[1]));
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(args[2]))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .build()) {
            try {
                serve(upgrader, address, Path.of(args[3]));
            } catch (IOException | RuntimeException e) {
                upgrader.reportFailure(e); // the old process says why it goes on
                throw e;
            }
        }
    }

    private static void serve(Upgrader upgrader, InetSocketAddress address, Path config)
            throws IOException, InterruptedException {
        String greeting = Files.readString(config).strip() + " of generation " + upgrader.generation() + "\n";
        ChannelFactory<ServerChannel> listener =
                UpgradableServers.of(upgrader).factory(BindSpec.of(address).drain(DrainPolicy.HANDLERS));
        UpgradableLoops loops = new UpgradableLoops(listener);
        try {
            DisposableServer server = HttpServer.create()
                    .bindAddress(() -> address)
                    .runOn(loops)
                    // says "Connection: close" to each client when it is time to leave
                    .doOnChannelInit((observer, channel, remote) -> channel.pipeline()
                            .addAfter(NettyPipeline.HttpCodec, "tableflip-drain", new HttpDrainHandler()))
                    .route(routes -> routes.get("/", (request, response) -> response.sendString(Mono.just(greeting)))
                            .get("/stream", (request, response) -> response.sendString(stream(greeting))))
                    .bindNow(); // bound, but gated
            upgrader.ready(); // opens the gate; an upgraded process takes over from its parent
            System.out.println("listening on " + address.getHostString() + ":" + server.port());
            upgrader.awaitExit(); // upgraded or stopped, and drained; a shutdown by Reactor Netty could not be rolled
            // back
            server.disposeNow();
        } finally {
            loops.disposeLater(Duration.ZERO, Duration.ofSeconds(5)).block();
        }
    }

    private static Flux<String> stream(String greeting) {
        return Flux.range(0, STREAMED).delayElements(Duration.ofMillis(50)).map(chunk -> greeting);
    }
}
