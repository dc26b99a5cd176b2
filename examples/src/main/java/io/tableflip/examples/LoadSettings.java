package io.tableflip.examples;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a {@link StrictLoad} was told to do. */
record LoadSettings(
        InetSocketAddress target,
        String host,
        LoadRequest.Kind plain,
        LoadRequest.Kind slow,
        double slowShare,
        LoadRequest.Kind stream,
        double streamShare,
        double rate,
        @Nullable Duration duration,
        int connections,
        boolean helpers,
        List<Duration> thinkTimes,
        double newShare,
        Duration timeout,
        int maxInFlight,
        long seed,
        boolean anyBody) {}
