package io.tableflip.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.ResourceCheck;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArgsTest {
    private static List<String> words(String line) {
        return line.isEmpty() ? List.of() : Arrays.asList(line.split(" ", -1));
    }

    @Test
    void defaultsOfTheServer() throws Exception {
        HttpOptions options = HttpOptions.parse(words("--pid-file /run/x.pid --listen 127.0.0.1:0"));
        assertEquals("127.0.0.1", options.listen().getHostString());
        assertEquals(0, options.listen().getPort());
        assertEquals(Path.of("/run/x.pid"), options.pidFile());
        assertNull(options.config());
        assertEquals(Duration.ofSeconds(30), options.drainTimeout());
        assertEquals(Duration.ofSeconds(5), options.maxDrainBeforeCommit());
        assertEquals(Duration.ofMinutes(1), options.upgradeTimeout());
        assertEquals(ResourceCheck.WARN, options.resourceCheck());
        assertEquals(Duration.ofSeconds(10), options.idleBoot());
        assertEquals(Duration.ofSeconds(3), options.warmUp());
        assertEquals(Duration.ofMillis(500), options.spread());
        assertEquals(Connections.TRANSFER, options.connections());
    }

    @Test
    void whatComesBeforeTheTakeoverIsShorterThanTheUpgradeTimeoutWithoutAnOption() throws Exception {
        HttpOptions options = HttpOptions.parse(words("--pid-file p --listen :0 --upgrade-timeout 700ms"));
        assertEquals(Duration.ofMillis(175), options.idleBoot());
        assertEquals(Duration.ofMillis(350), options.warmUp());
    }

    @Test
    void everyOptionOfTheServer() throws Exception {
        HttpOptions options = HttpOptions.parse(
                words(
                        "--listen [::1]:80 --pid-file p --config c --drain-timeout 500ms"
                                + " --ready-after 0s --upgrade-timeout 2m --resource-check refuse --idle-boot 4s --warm-up 3s --spread 0s --connections drain"));
        assertTrue(options.listen().getAddress().isLoopbackAddress());
        assertEquals(80, options.listen().getPort());
        assertEquals(Path.of("c"), options.config());
        assertEquals(Duration.ofMillis(500), options.drainTimeout());
        assertEquals(Duration.ZERO, options.maxDrainBeforeCommit());
        assertEquals(Duration.ofMinutes(2), options.upgradeTimeout());
        assertEquals(ResourceCheck.REFUSE, options.resourceCheck());
        assertEquals(Duration.ofSeconds(4), options.idleBoot());
        assertEquals(Duration.ofSeconds(3), options.warmUp());
        assertEquals(Duration.ZERO, options.spread());
        assertEquals(Connections.DRAIN, options.connections());
    }

    @Test
    void optionsOfTheServersThatKeepSomethingForEachConnection() throws Exception {
        ServiceOptions defaults = ServiceOptions.parse(words("--listen :80 --pid-file p"));
        assertEquals(Duration.ofSeconds(30), defaults.drainTimeout());
        assertEquals(Connections.TRANSFER, defaults.connections());
        ServiceOptions all =
                ServiceOptions.parse(words("--listen :80 --pid-file p --drain-timeout 1s --connections drain"));
        assertEquals(Path.of("p"), all.pidFile());
        assertEquals(80, all.listen().getPort());
        assertEquals(Duration.ofSeconds(1), all.drainTimeout());
        assertEquals(Connections.DRAIN, all.connections());
    }

    @Test
    void addressWithoutHost() throws Exception {
        assertTrue(HttpOptions.parse(words("--listen :80 --pid-file p"))
                .listen()
                .getAddress()
                .isAnyLocalAddress());
    }

    @ParameterizedTest
    @CsvSource({
        "'', --listen is missing",
        "--listen 127.0.0.1:0, --pid-file is missing",
        "--listen, --listen needs a value",
        "--lisen x, unknown option --lisen",
        "--pid-file a --pid-file b, --pid-file is given twice",
        "--listen 8080, --listen: not an address such as 127.0.0.1:8080: 8080",
        "--listen 127.0.0.1:66000, --listen: not an address such as 127.0.0.1:8080: 127.0.0.1:66000",
        "--listen 127.0.0.1:0 --pid-file p --drain-timeout 0s, --drain-timeout: has to be more than 0",
        "--listen :0 --pid-file p --upgrade-timeout 5s --idle-boot 5s, --idle-boot: has to be shorter than --upgrade-timeout",
        "--listen :0 --pid-file p --resource-check REFUSE, --resource-check: neither warn nor refuse nor off: REFUSE",
        "--listen :0 --pid-file p --connections keep, --connections: neither transfer nor drain: keep",
        "--listen 127.0.0.1:0 --pid-file p --ready-after 5, '--ready-after: not a duration such as 500ms, 30s or 1m: 5'",
    })
    void wrongUsageOfTheServer(String line, String message) {
        assertEquals(
                message,
                assertThrows(UsageException.class, () -> HttpOptions.parse(words(line)))
                        .getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--rate 10",
                "--url https://127.0.0.1:1/",
                "--url 127.0.0.1:1",
                "--url http://127.0.0.1:1/ --rate many",
                "--url http://127.0.0.1:1/ --rate 0",
                "--url http://127.0.0.1:1/ --new-share 2",
                "--url http://127.0.0.1:1/ --duration 10",
                "--url http://127.0.0.1:1/ --any-body no",
            })
    void wrongUsageOfTheLoad(String line) {
        assertThrows(UsageException.class, () -> LoadOptions.parse(words(line)));
    }

    @ParameterizedTest
    @CsvSource({"1ms, 1", "30s, 30000", "1m, 60000", "2h, 7200000", "0s, 0"})
    void durations(String text, long millis) {
        assertEquals(Duration.ofMillis(millis), Durations.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "1", "-1s", "1.5s", "1 s", "1d", "99999999999s"})
    void noDurations(String text) {
        assertThrows(IllegalArgumentException.class, () -> Durations.parse(text));
    }

    @Test
    void readableMilliseconds() {
        assertEquals("0.42 ms", Durations.millis(Duration.ofNanos(421_000)));
        assertEquals("7.3 ms", Durations.millis(Duration.ofNanos(7_300_000)));
        assertEquals("1204 ms", Durations.millis(Duration.ofMillis(1204)));
    }
}
