package io.tableflip.core.resources;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.core.os.FakeProc;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hierarchies as the kernel shows them, in a directory that stands for the root of the file system. */
class CgroupsTest {
    private static final String V2 = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    private static final String MEMORY =
            "31 25 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:11 - cgroup cgroup rw,memory\n";
    private static final String PIDS =
            "32 25 0:28 / /sys/fs/cgroup/pids rw,nosuid shared:12 - cgroup cgroup rw,devices,pids\n";

    @TempDir
    Path root;

    private FakeProc proc;

    @BeforeEach
    void makeProc() throws IOException {
        proc = new FakeProc(root.resolve("proc"));
    }

    private void make(String... directories) throws IOException {
        for (String directory : directories) {
            Files.createDirectories(root.resolve("sys/fs/cgroup").resolve(directory));
        }
    }

    private List<Cgroup> cgroups(String controller, String memberships, String mounts) throws IOException {
        proc.write("self/cgroup", memberships);
        proc.write("self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts);
        return new Cgroups(proc.fs, root).of(controller);
    }

    /** Of version 2, where any controller may be. */
    private List<Cgroup> cgroups(String membership, String mounts) throws IOException {
        List<Cgroup> cgroups = cgroups("pids", membership, mounts);
        assertEquals(cgroups, cgroups("memory", membership, mounts));
        return cgroups;
    }

    private Cgroup unified(String name, String directory, boolean own) {
        return new Cgroup(name, directory(directory), true, own);
    }

    private Cgroup old(String name, String directory, boolean own) {
        return new Cgroup(name, directory(directory), false, own);
    }

    private Path directory(String below) {
        return root.resolve("sys/fs/cgroup" + below);
    }

    // ---- version 2

    @Test
    void theOwnOneAndAllAbove() throws IOException {
        make("app.slice/app.service");
        assertEquals(
                List.of(
                        unified("cgroup /app.slice/app.service", "/app.slice/app.service", true),
                        unified("cgroup /app.slice", "/app.slice", false),
                        unified("cgroup /", "", false)),
                cgroups("0::/app.slice/app.service\n", V2));
    }

    /** A container with a namespace of its own for cgroups: its own cgroup is the root that it sees. */
    @Test
    void inANamespaceTheMountIsTheOwnCgroup() throws IOException {
        make("");
        assertEquals(List.of(unified("cgroup /", "", true)), cgroups("0::/\n", V2));
    }

    /** One without: the path is that of the machine, and leads nowhere. */
    @Test
    void aPathThatIsNotThereIsTheMount() throws IOException {
        make("");
        List<Cgroup> mount = List.of(unified("cgroup /", "", true));
        assertEquals(mount, cgroups("0::/docker/4711\n", V2));
        assertEquals(mount, cgroups("0::/docker/4711\n", V2.replace(" / /sys", " /docker/4711 /sys")));
        assertEquals(mount, cgroups("0::/../../other\n", V2), "outside of the namespace");
        assertEquals(mount, cgroups("0::/\n", V2.replace(" / /sys", " /../.. /sys")));
    }

    @Test
    void aMountBelowTheRootOfTheHierarchy() throws IOException {
        make("inner");
        assertEquals(
                List.of(unified("cgroup /inner", "/inner", true), unified("cgroup /", "", false)),
                cgroups("0::/docker/4711/inner\n", V2.replace(" / /sys", " /docker/4711 /sys")));
    }

    /**
     * What is mounted of somebody else's cgroup, for a container that it has, is no limit of this process.
     */
    @Test
    void anotherMountOfTheSameHierarchyIsNotAskedInVain() throws IOException {
        make("all/a", "other");
        String other = V2.replace(" / /sys/fs/cgroup", " /b /sys/fs/cgroup/other");
        String all = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/all");
        List<Cgroup> own = List.of(unified("cgroup /a", "/all/a", true), unified("cgroup /", "/all", false));
        assertEquals(own, cgroups("0::/a\n", other + all));
        assertEquals(own, cgroups("0::/a\n", all + other));
        assertEquals(own, cgroups("0::/a\n", all + all), "twice the same");
    }

    @Test
    void namesThatAreNotAscii() throws IOException {
        assumeTrue(Charset.forName(System.getProperty("sun.jnu.encoding"))
                .newEncoder()
                .canEncode('\u00fc'));
        make("dienst-\u00fc");
        assertEquals(
                unified("cgroup /dienst-\u00fc", "/dienst-\u00fc", true),
                cgroups("0::/dienst-\u00fc\n", V2).get(0));
    }

    @Test
    void aMountPointWithABlank() throws IOException {
        make("my groups/a");
        assertEquals(
                unified("cgroup /a", "/my groups/a", true),
                cgroups("0::/a\n", V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/my\\040groups"))
                        .get(0));
    }

    // ---- version 1

    /** Each controller has a hierarchy, and this process a place in each. */
    @Test
    void theOldVersion() throws IOException {
        make("memory/m", "pids/p/q");
        String memberships = "5:cpu,cpuacct:/x\n4:memory:/m\n3:devices,pids:/p/q\n";
        assertEquals(
                List.of(old("cgroup /m", "/memory/m", true), old("cgroup /", "/memory", false)),
                cgroups("memory", memberships, MEMORY + PIDS));
        assertEquals(
                List.of(
                        old("cgroup /p/q", "/pids/p/q", true),
                        old("cgroup /p", "/pids/p", false),
                        old("cgroup /", "/pids", false)),
                cgroups("pids", memberships, MEMORY + PIDS));
        assertEquals(List.of(), cgroups("pids", memberships, MEMORY), "not mounted");
        assertEquals(List.of(), cgroups("pids", "4:memory:/m\n", MEMORY + PIDS), "in no cgroup");
        assertEquals(List.of(), cgroups("pid", memberships, MEMORY + PIDS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "pids"})
    void aContainerOfTheOldVersion(String controller) throws IOException {
        make(controller);
        String mount = controller.equals("pids") ? PIDS : MEMORY;
        assertEquals(
                List.of(old("cgroup /", "/" + controller, true)),
                cgroups(
                        controller,
                        "4:" + controller + ":/docker/4711\n",
                        mount.replace(" / /sys", " /docker/4711 /sys")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "pids"})
    void bothVersionsAtOnce(String controller) throws IOException {
        make("memory/a", "pids/a", "unified/user.slice");
        assertEquals(
                List.of(
                        unified("cgroup /user.slice", "/unified/user.slice", true),
                        unified("cgroup /", "/unified", false),
                        old("cgroup /a", "/" + controller + "/a", true),
                        old("cgroup /", "/" + controller, false)),
                cgroups(
                        controller,
                        "4:memory:/a\n3:pids:/a\n0::/user.slice\n",
                        MEMORY + PIDS + V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")));
    }

    // ---- what nobody expects

    @ParameterizedTest
    @ValueSource(strings = {"memory", "pids"})
    void nothingIsReadFromNonsense(String controller) throws IOException {
        assertEquals(List.of(), new Cgroups(proc.fs, root).of(controller), "no files");
        assertEquals(List.of(), cgroups("", ""));
        assertEquals(List.of(), cgroups("::\n0\nmemory\npids\n", V2));
        assertEquals(List.of(), cgroups("0::/a\n", "- \n30\n\n - cgroup2\n"));
    }

    @Test
    void aNumber() throws IOException {
        make("a");
        Cgroup cgroup = unified("cgroup /a", "/a", true);
        assertEquals(List.of(), read(cgroup, null), "no such file");
        assertEquals(List.of(512L), read(cgroup, "512\n"));
        assertEquals(List.of(0L), read(cgroup, "0"));
        for (String none : List.of("max\n", "9223372036854771712\n", "", "many", "-1", "99999999999999999999", "1 2")) {
            assertEquals(List.of(), read(cgroup, none), none);
        }
    }

    private static List<Long> read(Cgroup cgroup, @Nullable String content) throws IOException {
        if (content != null) {
            Files.writeString(cgroup.directory().resolve("pids.max"), content);
        }
        return cgroup.read("pids.max").stream().boxed().toList();
    }
}
