package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class Http2LoadTest {
    private static final Pattern LISTENING = Pattern.compile("listening on 127.0.0.1:(\\d+)\n");

    @TempDir
    Path directory;

    @Test
    void followsAnUpgradeWithoutAFailure() throws IOException, InterruptedException {
        try (Program server = start();
                Http2Load load = Http2Load.start(address(server), 200, 4)) {
            long old = server.firstPid();
            Program.signal("HUP", old);
            server.await("the end of the old process", () -> !server.pids().contains(old));
            Http2Load.Result result = load.stop();
            assertEquals(List.of(), failures(result), server::log);
            assertEquals(8, result.connects(), "each of four connections was followed by one to the new process");
            assertEquals(4, result.goAways());
            assertEquals(2, servers(result).size(), "both have answered");
        }
    }

    @Test
    @Timeout(60)
    void forgetsWhatWasBefore() throws IOException, InterruptedException {
        try (Program server = start()) {
            InetSocketAddress address = address(server);
            long start = System.nanoTime();
            try (Http2Load load = Http2Load.start(address, 200, 4)) {
                load.awaitEnded(50);
                long before = System.nanoTime();
                load.forget();
                int mostBefore = (int) ((System.nanoTime() - start) / 5_000_000) + 1;
                load.awaitEnded(mostBefore + 20);
                Http2Load.Result result = load.stop();
                assertTrue(result.outcomes().size() >= 20, () -> "only " + result.outcomes());
                assertTrue(result.outcomes().stream().allMatch(outcome -> outcome.intendedNanos() - before >= 0));
                assertEquals(4, result.connects(), "the connections stay");
            }
        }
    }

    @Test
    @Timeout(60)
    void seesWhatAKilledServerLoses() throws IOException, InterruptedException {
        try (Program server = start();
                Http2Load load = Http2Load.start(address(server), 200, 4)) {
            server.await("load", () -> load.answered() > 50);
            Program.signal("KILL", server.firstPid());
            server.await("its end", () -> server.pids().isEmpty());
            load.awaitEnded(load.answered() + 21);
            Http2Load.Result result = load.stop();
            assertTrue(failures(result).size() > 20, () -> "only " + failures(result));
            assertEquals(Set.of(server.firstPid()), servers(result));
        }
    }

    private Program start() throws IOException, InterruptedException {
        Certificate certificate = Certificate.make(directory);
        assertTrue(Files.readString(certificate.both()).startsWith("-----BEGIN CERTIFICATE-----"));
        List<String> arguments = List.of(
                "0", directory.resolve("pid").toString(), certificate.keyStore().toString());
        Path home = Path.of(System.getProperty("java.home"));
        return Program.start(
                "secure", directory, Program.java(home, List.of(), SecureServer.class, arguments), environment -> {});
    }

    private static InetSocketAddress address(Program server) throws InterruptedException {
        return new InetSocketAddress(
                "127.0.0.1", Integer.parseInt(server.await(LISTENING).group(1)));
    }

    private static List<Outcome> failures(Http2Load.Result result) {
        return result.outcomes().stream()
                .filter(outcome -> !outcome.isAnswered())
                .toList();
    }

    private static Set<Long> servers(Http2Load.Result result) {
        return result.outcomes().stream()
                .filter(Outcome::isAnswered)
                .map(Outcome::pid)
                .collect(Collectors.toSet());
    }
}
