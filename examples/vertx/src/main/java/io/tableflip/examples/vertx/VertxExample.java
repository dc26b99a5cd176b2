package io.tableflip.examples.vertx;

import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.tableflip.core.Upgrader;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A Vert.x server that replaces itself on SIGHUP. Arguments: host, port, PID file, and a file with the greeting. */
public final class VertxExample {
    /** So many chunks make a whole streamed answer. */
    static final int STREAMED = 30;

    private VertxExample() {}

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
                UpgradableServers.of(upgrader).factory(BindSpec.of(address).drain(DrainPolicy.TRANSFER));
        Vertx vertx =
                Vertx.builder().withTransport(new UpgradableTransport(listener)).build();
        try {
            HttpServer server = vertx.createHttpServer(new HttpServerOptions())
                    .requestHandler(request -> answer(vertx, request, greeting))
                    .webSocketHandler(socket -> socket.textMessageHandler(
                            text -> socket.writeTextMessage(upgrader.generation() + " " + text)))
                    .listen(address.getPort(), address.getHostString())
                    .await(30, TimeUnit.SECONDS); // bound, but gated
            upgrader.ready(); // opens the gate; an upgraded process takes over from its parent
            System.out.println("listening on " + address.getHostString() + ":" + server.actualPort());
            upgrader.awaitExit(); // upgraded or stopped, and drained; Vert.x's own shutdown could not be rolled back
        } catch (java.util.concurrent.TimeoutException e) {
            throw new IOException("not bound in time", e);
        } finally {
            vertx.close();
        }
    }

    private static void answer(Vertx vertx, HttpServerRequest request, String greeting) {
        if (request.path().equals("/stream")) {
            stream(vertx, request.response().setChunked(true), greeting, STREAMED);
        } else {
            request.response().end(greeting);
        }
    }

    private static void stream(Vertx vertx, HttpServerResponse response, String greeting, int left) {
        if (left == 0) {
            response.end();
        } else {
            response.write(greeting);
            vertx.setTimer(50, tick -> stream(vertx, response, greeting, left - 1));
        }
    }
}
