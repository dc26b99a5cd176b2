package io.tableflip.examples.reactornetty;

import static java.util.Objects.requireNonNull;

import io.tableflip.examples.SteadyCalls;
import java.time.Duration;
import java.util.List;
import reactor.netty.http.HttpProtocol;
import reactor.netty.http.client.HttpClient;

/**
 * Calls the example over connections that live long and over new ones, never twice. Arguments: host and port,
 * and the protocols of the server if these are not HTTP11 alone.
 */
public final class ReactorNettyClient {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private ReactorNettyClient() {}

    public static void main(String[] args) throws Exception {
        String base = "http://" + args[0] + ":" + args[1];
        HttpClient pooled = HttpClient.create().baseUrl(base).disableRetry(true);
        HttpClient fresh =
                HttpClient.newConnection().baseUrl(base).disableRetry(true).keepAlive(false);
        SteadyCalls calls = new SteadyCalls();
        if (List.of(args).contains(HttpProtocol.H2C.name())) {
            addHttp2(calls, base);
        }
        int status = calls.caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("pooled", () -> get(pooled, "/"))
                .caller("new", () -> get(fresh, "/"))
                .caller("stream", () -> stream(pooled))
                .caller("stream", () -> stream(pooled))
                .run();
        System.exit(status);
    }

    /** Clients that know that the server speaks HTTP/2, and clients that ask it to by an upgrade. */
    private static void addHttp2(SteadyCalls calls, String base) {
        HttpClient prior = HttpClient.create().baseUrl(base).disableRetry(true).protocol(HttpProtocol.H2C);
        HttpClient upgrade =
                HttpClient.create().baseUrl(base).disableRetry(true).protocol(HttpProtocol.H2C, HttpProtocol.HTTP11);
        calls.caller("prior", () -> get(prior, "/"))
                .caller("prior", () -> get(prior, "/"))
                .caller("priorStream", () -> stream(prior))
                .caller("upgrade", () -> get(upgrade, "/"))
                .caller("upgrade", () -> get(upgrade, "/"))
                .caller("upgradeStream", () -> stream(upgrade));
    }

    private static String get(HttpClient client, String path) {
        return requireNonNull(client.get()
                .uri(path)
                .responseSingle((response, body) -> {
                    if (response.status().code() != 200) {
                        throw new IllegalStateException(response.status().toString());
                    }
                    return body.asString();
                })
                .block(LIMIT));
    }

    /** All lines of a streamed answer, which must be whole and from one process. */
    private static String stream(HttpClient client) {
        List<String> lines = get(client, "/stream").lines().toList();
        if (lines.size() != ReactorNettyExample.STREAMED
                || lines.stream().distinct().count() != 1) {
            throw new IllegalStateException("not a whole answer: " + lines);
        }
        return lines.get(0);
    }
}
