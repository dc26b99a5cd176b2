package io.tableflip.examples;

import io.tableflip.core.ResourceCheck;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The command line of the example server. */
record HttpOptions(
        InetSocketAddress listen,
        Path pidFile,
        @Nullable Path config,
        Duration drainTimeout,
        Duration maxDrainBeforeCommit,
        Duration upgradeTimeout,
        ResourceCheck resourceCheck,
        Duration idleBoot,
        Duration warmUp,
        Duration spread,
        Connections connections) {
    private static final Duration IDLE_BOOT = Duration.ofSeconds(10);
    private static final Duration WARM_UP = Duration.ofSeconds(3);

    static final String USAGE = """
            http --listen HOST:PORT --pid-file PATH [--config FILE]
                 [--drain-timeout 30s] [--ready-after 5s] [--upgrade-timeout 1m]
                 [--resource-check warn|refuse|off] [--idle-boot 10s] [--warm-up 3s]
                 [--spread 500ms] [--connections transfer|drain]
                An HTTP server that SIGHUP upgrades and SIGTERM or SIGINT ends. Port 0 means any free port.
                GET /                      who answers, as JSON
                GET /slow?ms=N             the same, N milliseconds later
                GET /stream?chunks=N&ms=M  the same N times, a line every M milliseconds
                FILE holds a line "greeting = TEXT". A new process boots in the time that nobody else wants, for as long
                as --idle-boot says at most and where that is allowed, and warms up for --warm-up, at most;
                connections go on in the new process. With --connections drain, and where that is not possible,
                the old process asks its clients to leave over the time of --spread.
                Shown are the values without an option; --idle-boot is never longer than a quarter of the upgrade timeout then,
                and --warm-up than half of it.
            """;

    static HttpOptions parse(List<String> words) throws UsageException {
        Args args = Args.parse(
                words,
                Set.of(
                        "--listen",
                        "--pid-file",
                        "--config",
                        "--drain-timeout",
                        "--ready-after",
                        "--upgrade-timeout",
                        "--resource-check",
                        "--idle-boot",
                        "--warm-up",
                        "--spread",
                        "--connections"));
        String config = args.text("--config");
        Duration upgradeTimeout = args.positive("--upgrade-timeout", Duration.ofMinutes(1));
        Duration idleBoot = args.duration("--idle-boot", shorter(IDLE_BOOT, upgradeTimeout.dividedBy(4)));
        Duration warmUp = args.duration("--warm-up", shorter(WARM_UP, upgradeTimeout.dividedBy(2)));
        requireShorter("--idle-boot", idleBoot, upgradeTimeout);
        requireShorter("--warm-up", warmUp, upgradeTimeout);
        return new HttpOptions(
                args.required("--listen", Args::address),
                args.required("--pid-file", Path::of),
                config == null ? null : Path.of(config),
                args.positive("--drain-timeout", Duration.ofSeconds(30)),
                args.duration("--ready-after", Duration.ofSeconds(5)),
                upgradeTimeout,
                args.value("--resource-check", HttpOptions::resourceCheck, ResourceCheck.WARN),
                idleBoot,
                warmUp,
                args.duration("--spread", Duration.ofMillis(500)),
                args.value("--connections", Connections::parse, Connections.TRANSFER));
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private static void requireShorter(String name, Duration time, Duration upgradeTimeout) throws UsageException {
        if (time.compareTo(upgradeTimeout) >= 0) {
            throw new UsageException(name + ": has to be shorter than --upgrade-timeout");
        }
    }

    private static ResourceCheck resourceCheck(String text) {
        return switch (text) {
            case "warn" -> ResourceCheck.WARN;
            case "refuse" -> ResourceCheck.REFUSE;
            case "off" -> ResourceCheck.OFF;
            default -> throw new IllegalArgumentException("neither warn nor refuse nor off: " + text);
        };
    }
}
