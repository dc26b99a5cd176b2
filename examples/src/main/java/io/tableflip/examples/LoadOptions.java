package io.tableflip.examples;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The command line of the load client. */
final class LoadOptions {
    static final String USAGE = """
            load --url http://HOST:PORT/ [--rate 100] [--duration 10s] [--connections 32] [--new-share 0.25]
                 [--timeout 10s] [--seed 1] [--any-body yes]
                 [--slow-share 0] [--slow-time 300ms] [--stream-share 0] [--stream-time 500ms]
                Sends RATE requests per second to the example server, never tries one again, and counts each failure.
                Exits with 1 if there was one. A share is a part of all requests, between 0 and 1.
                --connections   connections that are kept, idle up to two seconds between requests
                --new-share     requests that get a new connection each
                --any-body      does not look at the bodies of responses: for other servers
            """;

    private static final int CHUNKS = 5;
    private static final Set<String> NAMES = Set.of(
            "--url",
            "--rate",
            "--duration",
            "--connections",
            "--new-share",
            "--timeout",
            "--seed",
            "--any-body",
            "--slow-share",
            "--slow-time",
            "--stream-share",
            "--stream-time");

    private LoadOptions() {}

    /** The load that the command line describes. */
    static StrictLoad.Builder parse(List<String> words) throws UsageException {
        Args args = Args.parse(words, NAMES);
        StrictLoad.Builder load = StrictLoad.builder();
        args.required("--url", url -> target(load, url));
        args.value("--rate", rate -> load.rate(Double.parseDouble(rate)), load);
        load.duration(args.duration("--duration", Duration.ofSeconds(10)));
        args.value("--connections", number -> load.connections(Integer.parseInt(number)), load);
        args.value("--new-share", share -> load.newShare(Double.parseDouble(share)), load);
        load.timeout(args.duration("--timeout", Duration.ofSeconds(10)));
        args.value("--seed", seed -> load.seed(Long.parseLong(seed)), load);
        args.value("--any-body", word -> anyBody(load, word), load);
        Duration slow = args.duration("--slow-time", Duration.ofMillis(300));
        args.value("--slow-share", share -> load.slow(Double.parseDouble(share), slow), load);
        Duration stream = args.duration("--stream-time", Duration.ofMillis(500));
        args.value("--stream-share", share -> load.stream(Double.parseDouble(share), CHUNKS, between(stream)), load);
        return load;
    }

    /** The distance of the chunks of a stream that takes so long. */
    private static Duration between(Duration stream) {
        return stream.dividedBy(CHUNKS - 1);
    }

    private static StrictLoad.Builder target(StrictLoad.Builder load, String url) {
        URI uri = URI.create(url);
        if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
            throw new IllegalArgumentException("not of the form http://HOST:PORT/: " + url);
        }
        String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        load.path(uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery());
        return load.target(Args.address(uri.getHost() + ":" + (uri.getPort() < 0 ? 80 : uri.getPort())));
    }

    private static StrictLoad.Builder anyBody(StrictLoad.Builder load, String word) {
        if (!word.equals("yes")) {
            throw new IllegalArgumentException("can only be yes");
        }
        return load.anyBody();
    }
}
