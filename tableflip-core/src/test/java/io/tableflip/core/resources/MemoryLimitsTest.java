package io.tableflip.core.resources;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.core.os.FakeProc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Limits of memory as the kernel shows them, in a directory that stands for the root of the file system. */
class MemoryLimitsTest {
    private static final String V2 = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    private static final String V1 =
            "31 25 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:11 - cgroup cgroup rw,memory\n";
    private static final String NO_LIMIT = "9223372036854771712\n";

    @TempDir
    Path root;

    private FakeProc proc;

    @BeforeEach
    void makeProc() throws IOException {
        proc = new FakeProc(root.resolve("proc"));
    }

    private List<MemoryLimit> limits(String cgroup, String mounts) throws IOException {
        proc.write("self/cgroup", cgroup);
        proc.write("self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts);
        return new MemoryLimits(proc.fs, new Cgroups(proc.fs, root)).ofCgroups();
    }

    private void write(String file, String content) throws IOException {
        Path path = root.resolve("sys/fs/cgroup").resolve(file);
        Files.createDirectories(path.resolveSibling("."));
        Files.writeString(path, content);
    }

    private void unified(String cgroup, String max, long current, String stat) throws IOException {
        write(cgroup + "memory.max", max + "\n");
        write(cgroup + "memory.current", current + "\n");
        write(cgroup + "memory.stat", stat);
    }

    private void old(String cgroup, String limit, long usage, String stat) throws IOException {
        write("memory" + cgroup + "/memory.limit_in_bytes", limit);
        write("memory" + cgroup + "/memory.usage_in_bytes", usage + "\n");
        write("memory" + cgroup + "/memory.stat", stat);
    }

    // ---- version 2

    @Test
    void everyLevelCountsAndPageCacheIsFree() throws IOException {
        unified("app.slice/app.service/", "1000", 700, "anon 500\ninactive_file 50\nactive_file 30\nfile 600\n");
        unified("app.slice/", "2000", 1900, "");
        assertEquals(
                List.of(
                        new MemoryLimit("cgroup /app.slice/app.service", 1000, 380, false),
                        new MemoryLimit("cgroup /app.slice", 2000, 100, false)),
                limits("0::/app.slice/app.service\n", V2));
    }

    /** By ProcSubset=pid of a systemd unit. */
    @Test
    void limitsCountWhereTheMemoryOfTheMachineIsHidden() throws IOException {
        unified("a/", "1000", 700, "");
        List<MemoryLimit> limits = limits("0::/a\n", V2);
        assertEquals(1, limits.size());
        assertEquals(limits, new MemoryLimits(proc.fs, new Cgroups(proc.fs, root)).all());
    }

    @Test
    void noLimitIsNone() throws IOException {
        unified("a/", "max", 700, "");
        write("a/memory.high", "max\n");
        assertEquals(List.of(), limits("0::/a\n", V2));
    }

    @Test
    void aSoftLimitIsTold() throws IOException {
        unified("a/", "max", 700, "");
        write("a/memory.high", "900\n");
        assertEquals(List.of(new MemoryLimit("cgroup /a", 900, 200, true)), limits("0::/a\n", V2));
    }

    // ---- version 1

    @Test
    void theOldVersion() throws IOException {
        old("/a/b", NO_LIMIT, 700, "");
        old("/a", "1000\n", 700, "inactive_file 7\ntotal_inactive_file 100\ntotal_active_file 10\n");
        old("", NO_LIMIT, 5000, "");
        assertEquals(
                List.of(new MemoryLimit("cgroup /a", 1000, 410, false)),
                limits("5:cpu,cpuacct:/x\n4:memory:/a/b\n", V1));
    }

    @Test
    void theOldVersionWithoutHierarchy() throws IOException {
        old("/a/b", "800\n", 700, "");
        old("/a", "1000\n", 900, "");
        write("memory/a/memory.use_hierarchy", "0\n");
        assertEquals(List.of(new MemoryLimit("cgroup /a/b", 800, 100, false)), limits("4:memory:/a/b\n", V1));
    }

    // ---- what nobody expects

    @Test
    void nothingIsReadFromNonsense() throws IOException {
        unified("a/", "many", 700, "");
        assertEquals(List.of(), limits("0::/a\n", V2));
        unified("a/", "99999999999999999999999", 700, "");
        assertEquals(List.of(), limits("0::/a\n", V2));
        unified("a/", "-1", 700, "");
        assertEquals(List.of(), limits("0::/a\n", V2));
        unified("a/", "1000", 700, "inactive_file\ninactive_file x\n");
        assertEquals(List.of(new MemoryLimit("cgroup /a", 1000, 300, false)), limits("0::/a\n", V2));
        Files.delete(root.resolve("sys/fs/cgroup/a/memory.current"));
        assertEquals(List.of(), limits("0::/a\n", V2));
    }
}
