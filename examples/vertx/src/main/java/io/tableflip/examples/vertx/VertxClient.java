package io.tableflip.examples.vertx;

import io.tableflip.examples.SteadyCalls;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Calls the example over connections that live long and over new ones, never twice. Arguments: host and port. */
public final class VertxClient {
    private VertxClient() {}

    public static void main(String[] args) throws Exception {
        Vertx vertx = Vertx.vertx();
        HttpClientOptions server =
                new HttpClientOptions().setDefaultHost(args[0]).setDefaultPort(Integer.parseInt(args[1]));
        HttpClient pooled = vertx.createHttpClient(server);
        HttpClient fresh = vertx.createHttpClient(new HttpClientOptions(server).setKeepAlive(false));
        HttpClientOptions http2 = new HttpClientOptions(server).setProtocolVersion(HttpVersion.HTTP_2);
        HttpClient upgraded = vertx.createHttpClient(http2); // after an HTTP/1.1 request with "Upgrade: h2c"
        HttpClient h2c = vertx.createHttpClient(new HttpClientOptions(http2).setHttp2ClearTextUpgrade(false));
        int status = new SteadyCalls()
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("new", () -> get(fresh, "/"))
                .caller("stream", () -> stream(pooled))
                .caller("h2c", () -> get(h2c, "/"))
                .caller("h2c", () -> get(h2c, "/"))
                .caller("h2c-stream", () -> stream(h2c))
                .caller("upgraded", () -> get(upgraded, "/"))
                .caller("upgraded-stream", () -> stream(upgraded))
                .run();
        System.exit(status);
    }

    private static String get(HttpClient client, String path) throws Exception {
        return client.request(HttpMethod.GET, path)
                // nested, and so on the event loop: a body that nobody has asked for when it comes is lost
                .compose(request -> request.send().compose(HttpClientResponse::body))
                .map(Buffer::toString)
                .await(30, TimeUnit.SECONDS);
    }

    /** All lines of a streamed answer, which must be whole and from one process. */
    private static String stream(HttpClient client) throws Exception {
        List<String> lines = get(client, "/stream").lines().toList();
        if (lines.size() != VertxExample.STREAMED || lines.stream().distinct().count() != 1) {
            throw new IllegalStateException("not a whole answer: " + lines);
        }
        return lines.get(0);
    }
}
