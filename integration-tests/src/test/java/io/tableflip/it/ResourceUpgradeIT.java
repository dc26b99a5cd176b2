package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Threads and descriptors of two processes under one limit of the kernel's. Memory: {@link MemoryUpgradeIT}.
 */
@Tag("root")
@Tag("tools")
class ResourceUpgradeIT {
    /** What the first generation has more than it needs, and the second one has not. */
    private static final int IDLE_THREADS = 200;

    /** Enough for a JVM, and not for the number of threads that the first generation has. */
    private static final int FEW = 150;

    private static final int ENOUGH = 2_000;

    /** A user who has no other process. */
    private static final String USER = "64123";

    /** With the one capability that it takes to read the class path of this test. */
    private static final String[] AS_USER = {
        "setpriv", "--reuid", USER, "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override", "--"
    };

    @TempDir
    Path directory;

    private Service.Builder server(String check) {
        return Service.testServer(directory)
                .arguments("--resource-check", check, "--idle-threads", Integer.toString(IDLE_THREADS));
    }

    private static String figures(String limit) {
        return "the new process may need 2\\d\\d threads \\(as many as this one has\\), and only \\d+ of the \\d+ \\("
                + limit + " are free: if it needs more, it fails";
    }

    private static void assertRefused(Service service, String message) throws IOException {
        long parent = service.pid();
        service.signal("HUP", parent);
        service.awaitMatch("upgrade: failed after \\d+ ms, this process serves on: " + message);
        service.awaitOnly(parent);
        assertEquals(parent, service.pid());
        assertFalse(service.log().contains("spawned generation"), service::log);
        assertServes(service, 1);
    }

    private static void assertServes(Service service, int generation) throws IOException {
        String answer = Http.get(service.address(), "/");
        assertTrue(answer.contains("\"generation\":" + generation), answer);
    }

    @Test
    void threadsThatACgroupMayNotHaveAreRefused() throws IOException {
        try (LimitedCgroup cgroup = LimitedCgroup.ofThreads();
                Service service = server("REFUSE")
                        .launcher(cgroup.launcher(Service.java()))
                        .startAndAwait()) {
            cgroup.allowThreads(FEW);
            assertRefused(service, figures("pids\\.max\\) of cgroup /\\S*" + cgroup.name()));
            cgroup.allowThreads(ENOUGH);
            service.upgrade();
            assertServes(service, 2);
        }
    }

    /** The second generation needs less than the first. */
    @Test
    void threadsThatACgroupMayNotHaveAreWarnedOf() throws IOException {
        try (LimitedCgroup cgroup = LimitedCgroup.ofThreads();
                Service service =
                        server("WARN").launcher(cgroup.launcher(Service.java())).startAndAwait()) {
            cgroup.allowThreads(FEW);
            service.upgrade();
            service.awaitMatch("upgrade: " + figures("pids\\.max\\) of cgroup /\\S*" + cgroup.name()));
            assertServes(service, 2);
        }
    }

    @Test
    void threadsThatAUserMayNotHaveAreRefused() throws Exception {
        assumeThatThereAreUsers();
        try (Service service = server("REFUSE").under(AS_USER).startAndAwait()) {
            allowProcesses(service, FEW);
            assertRefused(service, figures("RLIMIT_NPROC\\) of user " + USER));
            allowProcesses(service, ENOUGH);
            service.upgrade();
            assertServes(service, 2);
        }
    }

    @Test
    void descriptorsThatThisProcessMayNotHaveAreRefused() throws IOException {
        try (Service service = server("REFUSE").startAndAwait()) {
            long pid = service.pid();
            allowDescriptors(pid, limitWithFree(5, Proc.descriptors(pid).keySet()));
            assertRefused(
                    service,
                    "an upgrade may open 9 descriptors in this process \\(8 for pipes and files, 1 for what is passed on\\),"
                            + " and only [0-8] of the \\d+ of RLIMIT_NOFILE are free: if they run out");
            allowDescriptors(pid, ENOUGH);
            service.upgrade();
            assertServes(service, 2);
        }
    }

    /** The lowest limit below which so many numbers are free. */
    private static int limitWithFree(int number, Set<Integer> open) {
        int limit = 0;
        for (int free = 0; free < number; limit++) {
            free += open.contains(limit) ? 0 : 1;
        }
        return limit;
    }

    private static void allowDescriptors(long pid, int number) throws IOException {
        Commands.run("prlimit", "--pid", Long.toString(pid), "--nofile=" + number + ":" + ENOUGH);
    }

    /** So many threads more than there are now. As that user, since root may be without CAP_SYS_RESOURCE. */
    private static void allowProcesses(Service service, int more) throws IOException {
        String pid = Long.toString(service.pid());
        int now = Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("Threads:"))
                .mapToInt(line -> Integer.parseInt(line.substring(8).strip()))
                .findFirst()
                .orElseThrow();
        Commands.run("setpriv", "--reuid", USER, "--", "prlimit", "--pid", pid, "--nproc=" + (now + more) + ":");
    }

    private static void assumeThatThereAreUsers() throws Exception {
        String[] command = new String[AS_USER.length + 1];
        System.arraycopy(AS_USER, 0, command, 0, AS_USER.length);
        command[AS_USER.length] = "true";
        Process asUser = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assumeTrue(asUser.waitFor() == 0, "it takes root to start a process of another user");
    }
}
