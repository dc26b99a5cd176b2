package io.tableflip.core.lifecycle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.NativeOs;
import io.tableflip.core.os.Noise;
import io.tableflip.core.os.Os;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Spawns while other threads open and close what a server opens and closes, and start processes in Java's own
 * way: neither does a spawned process get what is theirs, nor do their processes get what is for it.
 */
class SpawnRaceTest {
    private final NativeOs os = new NativeOs();
    /** Descriptors of processes that ProcessBuilder has started, in lines of ls. */
    private final ConcurrentLinkedQueue<String> theirs = new ConcurrentLinkedQueue<>();

    private final AtomicInteger started = new AtomicInteger();

    @Test
    void neitherSideGetsWhatIsTheOthers(@TempDir Path directory) throws Exception {
        spawn(50, directory);
    }

    @Test
    @Tag("slow")
    void neitherSideGetsWhatIsTheOthersInManyTries(@TempDir Path directory) throws Exception {
        spawn(500, directory);
    }

    private void spawn(int times, Path directory) throws Exception {
        Set<String> ours = new HashSet<>();
        try (Noise noise = new Noise(directory.resolve("file"))) {
            noise.add(this::startProcess);
            for (int i = 0; i < times; i++) {
                spawn(ours);
            }
            assertTrue(started.get() > 0, "no process was started in Java's own way");
        }
        List<String> leaked = theirs.stream()
                .filter(line -> ours.stream().anyMatch(line::endsWith))
                .toList();
        assertEquals(List.of(), leaked);
    }

    /** One spawn as an upgrade does it: the pipes are made before, and a duplicate of what is passed on. */
    private void spawn(Set<String> ours) throws IOException {
        Os.Pipe output = os.pipe();
        Os.Pipe passed = os.pipe();
        int duplicate = os.duplicate(passed.readEnd(), 0);
        ours.add("pipe:[" + output.inode() + "]");
        ours.add("pipe:[" + passed.inode() + "]");
        try (InputStream in = new FileInputStream("/proc/self/fd/" + output.readEnd())) {
            int pid = os.spawn(new Os.SpawnRequest(
                    "/bin/sh",
                    List.of("sh", "-c", "ls -l /proc/self/fd >&3"),
                    List.of("PATH=/usr/bin:/bin"),
                    null,
                    List.of(output.writeEnd(), duplicate)));
            os.close(output.writeEnd());
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            in.transferTo(bytes);
            String listing = bytes.toString(ISO_8859_1);
            assertEquals(0, os.waitFor(pid), listing);
            assertHasNothingElse(listing, List.of("pipe:[" + output.inode() + "]", "pipe:[" + passed.inode() + "]"));
        } finally {
            for (int fd : List.of(output.readEnd(), passed.readEnd(), passed.writeEnd(), duplicate)) {
                os.close(fd);
            }
        }
    }

    /**
     * Descriptors 0, 1 and 2, the two that were passed, of which ls has 1 as a copy of 3, and the directory
     * that ls reads.
     */
    private static void assertHasNothingElse(String listing, List<String> passed) {
        List<String> more = listing.lines()
                .filter(line -> line.contains(" -> "))
                .filter(line -> !line.endsWith("/fd") && passed.stream().noneMatch(line::endsWith))
                .filter(line -> !line.matches(".*: ?\\d\\d [012] -> .*|.*:\\d\\d [012] -> .*"))
                .toList();
        assertEquals(List.of(), more, listing);
    }

    private void startProcess() throws IOException {
        Process process = new ProcessBuilder("ls", "-l", "/proc/self/fd").start();
        try (InputStream in = process.getInputStream()) {
            new String(in.readAllBytes(), ISO_8859_1).lines().forEach(theirs::add);
            process.waitFor();
            started.incrementAndGet();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
