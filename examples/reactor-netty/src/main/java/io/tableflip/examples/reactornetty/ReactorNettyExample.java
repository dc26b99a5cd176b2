package io.tableflip.examples.reactornetty;

import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.HttpProtocol;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.websocket.WebsocketInbound;

/**
 * A Reactor Netty server that replaces itself on SIGHUP. Arguments: host, port, PID file, a file with the
 * greeting, and the protocols, which are HTTP11 unless there are others.
 */
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
                serve(upgrader, address, Path.of(args[3]), protocols(args));
            } catch (IOException | RuntimeException e) {
                upgrader.reportFailure(e); // the old process says why it goes on
                throw e;
            }
        }
    }

    private static HttpProtocol[] protocols(String... args) {
        return args.length <= 4
                ? new HttpProtocol[] {HttpProtocol.HTTP11}
                : Arrays.stream(args).skip(4).map(HttpProtocol::valueOf).toArray(HttpProtocol[]::new);
    }

    private static void serve(Upgrader upgrader, InetSocketAddress address, Path config, HttpProtocol... protocols)
            throws IOException, InterruptedException {
        String greeting = Files.readString(config).strip() + " of generation " + upgrader.generation() + "\n";
        ChannelFactory<ServerChannel> listener =
                UpgradableServers.of(upgrader).factory(BindSpec.of(address).drain(DrainPolicy.TRANSFER));
        UpgradableLoops loops = new UpgradableLoops(listener);
        try {
            DisposableServer server = HttpServer.create()
                    .bindAddress(() -> address)
                    .runOn(loops)
                    .protocol(protocols)
                    .doOnChannelInit(
                            new DrainHandlers()) // transfers HTTP/1.1, tells other clients when it is time to leave
                    .route(routes -> routes.get("/", (request, response) -> response.sendString(Mono.just(greeting)))
                            .get("/stream", (request, response) -> response.sendString(stream(greeting)))
                            .ws("/ws", (in, out) -> out.sendObject(answers(in, upgrader.generation()), answer -> true)))
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

    private static Flux<TextWebSocketFrame> answers(WebsocketInbound in, int generation) {
        return in.aggregateFrames().receive().asString().map(text -> new TextWebSocketFrame(generation + " " + text));
    }

    private static Flux<String> stream(String greeting) {
        return Flux.range(0, STREAMED).delayElements(Duration.ofMillis(50)).map(chunk -> greeting);
    }
}
