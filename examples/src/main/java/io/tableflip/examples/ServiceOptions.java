package io.tableflip.examples;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The command line of the servers that keep something for each connection. */
record ServiceOptions(InetSocketAddress listen, Path pidFile, Duration drainTimeout, Connections connections) {
    static final String USAGE = """
            websocket --listen HOST:PORT --pid-file PATH [--drain-timeout 30s] [--connections transfer|drain]
                A WebSocket server, at /ws. It answers each text message with "PID GENERATION MESSAGE", and sends
                "tick N" every second. N goes on across upgrades.

            chat --listen HOST:PORT --pid-file PATH [--drain-timeout 30s] [--connections transfer|drain]
                A chat server for lines of text. It understands /nick NAME, /join ROOM, /who and /quit; every other
                line goes to the room. Names and rooms go on across upgrades.
            """;

    static ServiceOptions parse(List<String> words) throws UsageException {
        Args args = Args.parse(words, Set.of("--listen", "--pid-file", "--drain-timeout", "--connections"));
        return new ServiceOptions(
                args.required("--listen", Args::address),
                args.required("--pid-file", Path::of),
                args.positive("--drain-timeout", Duration.ofSeconds(30)),
                args.value("--connections", Connections::parse, Connections.TRANSFER));
    }
}
