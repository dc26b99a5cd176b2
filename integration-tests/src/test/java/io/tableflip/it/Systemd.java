package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Tools;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * The systemd of a small Debian as process 1 of namespaces of its own, with the JDK of this test: {@code systemd/boot.sh} beside the
 * sources. It has the network of the machine, and process ids of its own. When this is closed, or this JVM dies, all that runs in it
 * is killed, and what was written into it is gone.
 */
final class Systemd implements AutoCloseable {
    private static final String SCRIPTS = "integration-tests/src/test/systemd/";

    private final Process boot;
    private final long pid;

    private Systemd(Process boot) throws IOException {
        this.boot = boot;
        pid = awaitPid(boot);
    }

    /** How a command has ended, and all that it has printed. */
    record Result(int status, String output) {}

    /** The systemd of the machine's own release. Skips the test where this is not possible. Makes the tree first if there is none, which takes a minute. */
    static Systemd boot() throws IOException {
        return boot("systemd.tree");
    }

    /** Like {@link #boot()}, of the release that has systemd 257. */
    static Systemd boot257() throws IOException {
        return boot("systemd257.tree", "trixie");
    }

    private static Systemd boot(String tree, String... release) throws IOException {
        assumeTrue(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0), "systemd needs root");
        Tools.assumeInstalled("unshare");
        Tools.assumeInstalled("nsenter");
        Result namespaces = end(start("unshare", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "true"));
        assumeTrue(namespaces.status == 0, () -> "no namespaces for systemd here: " + namespaces.output);
        Path cgroup = cgroups().resolve("tableflip-test-" + UUID.randomUUID());
        String java = System.getProperty("java.home");
        Process boot = start("sh", script("boot.sh"), tree(tree, release).toString(), cgroup.toString(), java);
        try {
            Systemd systemd = new Systemd(boot);
            Await.until("systemd is up", systemd::isUp, () -> systemd.attempt("journalctl").output);
            return systemd;
        } catch (IOException | RuntimeException | AssertionError e) {
            end(boot);
            throw e;
        }
    }

    /** Where the second version of cgroups is, which may stand beside the first. */
    private static Path cgroups() throws IOException {
        Path place = null;
        for (String mount : Files.readAllLines(Path.of("/proc/self/mounts"))) {
            String[] fields = mount.split(" ", -1);
            if (fields[2].equals("cgroup2")) {
                place = Path.of(fields[1]);
            }
        }
        assumeTrue(place != null && Files.isWritable(place), "no cgroups of version 2 here that can be written to");
        return place;
    }

    private static Path tree(String property, String... release) throws IOException {
        Path tree = Path.of(System.getProperty(property));
        if (!Files.exists(tree)) {
            Tools.assumeInstalled("debootstrap");
            Tools.assumeInstalled("apt-get");
            List<String> make = new ArrayList<>(List.of("sh", script("tree.sh"), tree.toString()));
            make.addAll(List.of(release));
            Result made = end(start(make.toArray(String[]::new)));
            assumeTrue(made.status == 0, () -> "no Debian for systemd could be made: " + made.output);
        }
        return tree;
    }

    private static String script(String name) {
        return Service.projectFile(SCRIPTS + name).toString();
    }

    private static Process start(String... command) throws IOException {
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    private static Result end(Process process) throws IOException {
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            return new Result(process.waitFor(), output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static long awaitPid(Process boot) throws IOException {
        BufferedReader reader = boot.inputReader(StandardCharsets.UTF_8);
        StringBuilder said = new StringBuilder();
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            if (line.matches("\\d+")) {
                return Long.parseLong(line);
            }
            said.append(line).append('\n');
        }
        throw new IOException("systemd does not boot: " + said);
    }

    private boolean isUp() {
        String state = attempt("systemctl", "is-system-running").output.strip();
        return state.equals("running") || state.equals("degraded");
    }

    /** Runs a command inside as root, which must succeed, and gives its output. */
    String run(String... command) {
        Result result = attempt(command);
        assertEquals(0, result.status, () -> String.join(" ", command) + ": " + result.output);
        return result.output;
    }

    /** Runs a command inside as root. One that hangs is given up, with the status of timeout(1). */
    Result attempt(String... command) {
        List<String> inside =
                new ArrayList<>(List.of("nsenter", "-t", Long.toString(pid), "-a", "--", "timeout", "120"));
        inside.addAll(List.of(command));
        try {
            return end(start(inside.toArray(String[]::new)));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A path inside, from here. */
    Path path(String inside) {
        return Path.of("/proc/" + pid + "/root" + inside);
    }

    /** Writes a file inside, in the place of one that is there. */
    void write(String inside, String text) throws IOException {
        Path file = path(inside);
        Files.createDirectories(file.getParent());
        Files.deleteIfExists(file);
        Files.writeString(file, text);
    }

    /** Puts a file in, in the place of one that is there. */
    void copy(Path file, String inside) throws IOException {
        Path copy = path(inside);
        Files.createDirectories(copy.getParent());
        Files.deleteIfExists(copy);
        Files.copy(file, copy);
    }

    /** Kills everything inside. Fails if something is left on the machine. */
    @Override
    public void close() throws IOException {
        boot.getOutputStream().close();
        try {
            boolean ended = boot.waitFor(Await.LIMIT.toSeconds(), TimeUnit.SECONDS);
            assertEquals(0, ended ? boot.exitValue() : -1, "boot.sh could not end systemd, or left a cgroup behind");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
