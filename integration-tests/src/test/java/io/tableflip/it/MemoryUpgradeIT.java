package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.LoadResult;
import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two heaps under one limit of the kernel's. */
@Tag("root")
@Tag("jdk")
class MemoryUpgradeIT {
    private static final int LIMIT = 400;

    private static final String FIGURES =
            "the new process may need \\d+ MiB \\(heap 380 MiB by -Xmx, \\d+ MiB besides\\), and only \\d+ MiB of the 400 MiB of cgroup /\\S*";

    @TempDir
    Path directory;

    private Service.Builder server(LimitedCgroup cgroup, String check) {
        return Service.testServer(directory)
                .launcher(cgroup.launcher(Service.java()))
                .arguments("--resource-check", check);
    }

    private static StrictLoad load(Service service) throws IOException {
        return MixedLoad.builder(service.address())
                .rate(200)
                .connections(20)
                .newShare(0.3)
                .start();
    }

    private static void assertClean(StrictLoad load, Service service) {
        LoadResult result = load.stop();
        assertTrue(result.isClean(), () -> result.counts() + "\n" + result.details() + "\n" + service.log());
    }

    /** The old process serves on; a smaller heap for the next one fits, and its option does not pile up. */
    @Test
    void whatMayNotFitIsRefusedAndASmallerHeapIsNot() throws IOException {
        try (LimitedCgroup cgroup = LimitedCgroup.ofMemory(LIMIT);
                Service service =
                        server(cgroup, "REFUSE").jvmOptions("-Xmx380m").startAndAwait();
                StrictLoad load = load(service)) {
            long parent = service.pid();
            service.signal("HUP", parent);
            service.awaitMatch("upgrade: failed after \\d+ ms, this process serves on: " + FIGURES + cgroup.name());
            service.awaitOnly(parent);
            assertEquals(parent, service.pid());
            Files.writeString(directory.resolve("options"), "-Xmx64m\n-Dgeneration=next\n");
            service.upgrade();
            service.upgrade();
            assertClean(load, service);
            assertTrue(Http.get(service.address(), "/").contains("\"generation\":3"));
            List<String> words = Proc.commandLine(service.pid());
            assertEquals(List.of(Service.java(), "-Xmx64m", "-Dgeneration=next"), words.subList(0, 3));
            assertEquals(
                    1, words.stream().filter(word -> word.startsWith("-Xmx")).count(), words::toString);
            assertEquals(
                    1, words.stream().filter(word -> word.startsWith("-Dgen")).count(), words::toString);
        }
    }

    @Test
    void whatMayNotFitIsWarnedOf() throws IOException {
        try (LimitedCgroup cgroup = LimitedCgroup.ofMemory(LIMIT);
                Service service = server(cgroup, "WARN").jvmOptions("-Xmx380m").startAndAwait();
                StrictLoad load = load(service)) {
            service.upgrade();
            service.awaitMatch("upgrade: " + FIGURES + cgroup.name());
            service.awaitServing(2);
            assertClean(load, service);
        }
    }

    @Test
    void whatFitsIsNotTalkedOf() throws IOException {
        try (LimitedCgroup cgroup = LimitedCgroup.ofMemory(LIMIT);
                Service service = server(cgroup, "REFUSE").jvmOptions("-Xmx64m").startAndAwait();
                StrictLoad load = load(service)) {
            service.upgrade();
            service.upgrade();
            assertClean(load, service);
            assertFalse(service.log().contains("may need"), service::log);
        }
    }

    /**
     * What docs/resources.md has: a child that is asked to keep its heap small for as long as its parent is
     * there.
     */
    @Test
    void aSmallHeapForTheTimeOfTheOverlap() throws IOException {
        try (Service service = Service.testServer(directory)
                .jvmOptions("-Xmx256m", "-XX:+UseParallelGC")
                .arguments("--full-heap-later")
                .startAndAwait()) {
            Files.writeString(directory.resolve("options"), "-Xms32m\n-XX:SoftMaxHeapSize=64m\n");
            service.upgrade();
            service.awaitMatch("soft maximum of the heap at first: 67108864");
            service.awaitMatch("(?s)at first: 67108864.*soft maximum of the heap now: [12]\\d{8}\n");
        }
    }
}
