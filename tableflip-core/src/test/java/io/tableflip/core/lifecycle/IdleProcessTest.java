package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.NativeOs;
import io.tableflip.core.os.ProcFs;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes that boot with SCHED_IDLE. */
@Tag("root")
class IdleProcessTest {
    private static final int SCHED_OTHER = 0;
    private static final int SCHED_BATCH = 3;
    private static final int SCHED_IDLE = 5;

    private static final NativeOs OS = new NativeOs();

    @TempDir
    Path directory;

    /** The scheduling policies of its threads. */
    private static Set<Integer> policies(long pid) throws IOException {
        Set<Integer> policies = new TreeSet<>();
        for (int thread : new ProcFs().threads(pid)) {
            try {
                String stat = Files.readString(
                        Path.of("/proc/" + pid + "/task/" + thread + "/stat"), StandardCharsets.ISO_8859_1);
                policies.add(Integer.valueOf(
                        stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[38]));
            } catch (IOException e) {
                // it has ended meanwhile
            }
        }
        return policies;
    }

    private static void awaitPolicy(Service service, long pid, int policy) throws Exception {
        Await.until("policy " + policy + "\n" + service, () -> policies(pid).equals(Set.of(policy)));
    }

    /** The second generation will wait for a file before it is ready. */
    private Service start(long limitMillis) throws Exception {
        return start(limitMillis, "");
    }

    private Service start(long limitMillis, String secondGeneration) throws Exception {
        assumeTrue(IdleBoot.whyNot(new ProcFs()) == null, "this user may not set a process back from SCHED_IDLE");
        return new Service.Start()
                .option("idleBoot", limitMillis)
                .option("gen2", secondGeneration)
                .option("hold2", directory.resolve("go"))
                .go();
    }

    /** Begins an upgrade. */
    private static long child(Service service) throws Exception {
        service.hangUp(service.awaitPid(1, "ready$"));
        return service.awaitPid(2, "waits for hold2");
    }

    /** An idle child whose parent is killed before it is ready. */
    private static long orphan(Service service) throws Exception {
        long child = child(service);
        awaitPolicy(service, child, SCHED_IDLE);
        service.kill(service.pid(), Service.SIGKILL);
        service.awaitPid(2, "parentExited");
        return child;
    }

    private void goOn() throws IOException {
        Files.createFile(directory.resolve("go"));
    }

    @Test
    void isIdleUntilItTakesOver() throws Exception {
        try (Service service = start(50_000)) {
            long child = child(service);
            awaitPolicy(service, child, SCHED_IDLE);
            assertEquals(Set.of(SCHED_OTHER), policies(service.pid()));
            goOn();
            service.awaitPid(2, "ready$");
            awaitPolicy(service, child, SCHED_OTHER);
            service.stop(child);
        }
    }

    @Test
    void isIdleNoLongerThanTheLimit() throws Exception {
        try (Service service = start(1)) {
            long child = child(service);
            awaitPolicy(service, child, SCHED_OTHER);
            goOn();
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Test
    void isNotLeftIdleByAParentThatDies() throws Exception {
        try (Service service = start(50_000)) {
            long child = orphan(service);
            goOn();
            service.awaitPid(2, "ready$");
            awaitPolicy(service, child, SCHED_OTHER);
            service.stop(child);
        }
    }

    @Test
    void theGenerationAfterAnOrphanIsNormalToo() throws Exception {
        try (Service service = start(50_000)) {
            orphan(service);
            goOn();
            service.upgrade(2); // at once
            long next = service.awaitPid(3, "ready$");
            awaitPolicy(service, next, SCHED_OTHER);
            service.stop(next);
        }
    }

    /** They inherit it. */
    @Test
    void whatAnIdleProcessHasBegunIsNotLeftIdle() throws Exception {
        try (Service service = start(50_000, "helper")) {
            long child = child(service);
            long helper = Long.parseLong(service.await("g2 p\\d+ helper (\\d+)").group(1));
            awaitPolicy(service, child, SCHED_IDLE);
            goOn();
            service.awaitPid(2, "ready$");
            awaitPolicy(service, helper, SCHED_OTHER);
            service.kill(helper, Service.SIGKILL);
            service.stop(child);
        }
    }

    /** As root has no such capability in most containers. */
    @Test
    void saysWhyAChildIsNotIdle() throws Exception {
        assumeTrue(Files.getAttribute(directory, "unix:uid").equals(0), "it takes root to drop a capability");
        try (Service service = new Service.Start()
                .option("idleBoot", 50_000)
                .option("hold2", directory.resolve("go"))
                .under(
                        "chrt",
                        "--other",
                        "0",
                        "setpriv",
                        "--bounding-set",
                        "-sys_nice",
                        "--inh-caps",
                        "-sys_nice",
                        "prlimit",
                        "--nice=0")
                .go()) {
            long child = child(service);
            service.await("new processes start at normal priority, not with SCHED_IDLE: .*LimitNICE");
            assertEquals(Set.of(SCHED_OTHER), policies(child));
            goOn();
            service.stop(service.awaitPid(2, "ready$"));
        }
    }

    @Test
    void leavesAPolicyAloneThatSomebodyElseHasGiven() throws Exception {
        Process batch = new ProcessBuilder("chrt", "--batch", "0", "sleep", "1000").start();
        try {
            Await.until("SCHED_BATCH", () -> policies(batch.pid()).equals(Set.of(SCHED_BATCH)));
            OS.setIdle((int) batch.pid(), true);
            assertEquals(Set.of(SCHED_BATCH), policies(batch.pid()));
            OS.setIdle((int) batch.pid(), false);
            assertEquals(Set.of(SCHED_BATCH), policies(batch.pid()));
        } finally {
            batch.destroyForcibly().waitFor();
        }
    }

    /** Not as if it had no threads. */
    @Test
    void saysWhenThereIsNoSuchProcess() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        assertThrows(SystemCallException.class, () -> OS.setIdle((int) ended.pid(), false));
    }
}
