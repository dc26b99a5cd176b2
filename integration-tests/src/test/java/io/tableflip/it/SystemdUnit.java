package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A service of the examples, as its unit file has it, run by {@link Systemd}. Process ids are those inside. */
final class SystemdUnit {
    private static final Pattern LISTENING = Pattern.compile("listening on (\\S+):(\\d+) \\(pid");
    private static final Pattern SERVING = Pattern.compile("(generation \\d+ \\(pid \\d+\\)) is serving");
    private static final Pattern SPAWNED = Pattern.compile("upgrade: spawned generation \\d+ \\(pid (\\d+)\\)");
    private static final String CONFIG = "/etc/hello.conf";

    /** A look at the journal costs more than one at a file. */
    private static final Duration LOOK = Duration.ofMillis(50);

    private final Systemd systemd;
    private final String name;

    private SystemdUnit(Systemd systemd, String name) {
        this.systemd = systemd;
        this.name = name;
    }

    /** Installs {@code examples/systemd/NAME.service} and its program. It gets a free port and much time to drain, and these options besides. */
    static SystemdUnit install(Systemd systemd, String name, String... options) throws IOException {
        SystemdUnit unit = new SystemdUnit(systemd, name);
        systemd.copy(Service.examplesJar(), "/srv/hello/tableflip-examples.jar");
        unit.configure("greeting = hello\n");
        String more = String.join(" ", options);
        // a process that boots in the time that nobody else wants waits for the tests beside it
        String idleBoot = more.contains("--idle-boot ") ? "" : "--idle-boot 0s ";
        unit.edit(text -> text.replace(
                "--listen 127.0.0.1:8080",
                "--listen 127.0.0.1:0 --drain-timeout 5m --warm-up 0s --spread 0s --connections drain " + idleBoot
                        + more));
        return unit;
    }

    /** Installs the unit file of the examples with this change. */
    void edit(UnaryOperator<String> change) throws IOException {
        String text = Files.readString(Service.projectFile("examples/systemd/" + name + ".service"))
                .replace("/usr/bin/java -jar ", "/usr/bin/java " + String.join(" ", TestJvm.options()) + " -jar ");
        String changed = change.apply(text);
        assertFalse(changed.equals(text), text);
        systemd.write("/etc/systemd/system/" + name + ".service", changed);
        systemd.run("systemctl", "daemon-reload");
    }

    /** A setting of the service besides those of its unit file. */
    void set(String setting) throws IOException {
        systemd.write("/etc/systemd/system/" + name + ".service.d/set.conf", "[Service]\n" + setting + "\n");
        systemd.run("systemctl", "daemon-reload");
    }

    void configure(String text) throws IOException {
        systemd.write(CONFIG, text);
    }

    /** Who reads the configuration from now on waits for ever. */
    void configureToHang() throws IOException {
        Files.delete(systemd.path(CONFIG));
        systemd.run("mkfifo", "--mode=0644", CONFIG);
    }

    /** Waits until it serves. */
    void start() {
        systemd.run("systemctl", "start", name);
        awaitJournal("generation 1 \\(pid \\d+\\) is serving(?s:.*)listening on");
    }

    /** Returns when all of it has ended, as systemd sees it. */
    void stop() {
        systemd.run("systemctl", "stop", name);
    }

    /** Returns when each of these processes has said that it was signalled. */
    void beginStop(long... pids) {
        systemd.run("systemctl", "stop", "--no-block", name);
        for (long pid : pids) {
            awaitJournal("pid " + pid + "] (stop|SIGTERM: )|\\[" + pid + "] INFO (stop|SIGTERM: )");
        }
    }

    /** Waits for the end of a stop. */
    void awaitStopped() {
        Await.until("it has stopped", () -> !property("ActiveState").equals("deactivating"), this::journal);
    }

    /** Returns when systemd takes the reload for done: an upgrade begins at about that time. */
    void reload() {
        systemd.run("systemctl", "reload", name);
    }

    /** Does not wait for the end of the reload, which comes with that of the command or of the upgrade, as systemd hears of them. */
    void beginReload() {
        systemd.run("systemctl", "reload", "--no-block", name);
    }

    Systemd.Result attempt(String action) {
        return systemd.attempt("systemctl", action, name);
    }

    /** Upgrades, and waits until the new process is the only one. */
    void upgrade() {
        long old = pid();
        reload();
        awaitSuccessor(old);
        awaitGone(old);
    }

    /** Waits for the commit, as both processes see it: when the old one has closed its listeners, what comes is the new one's. */
    void awaitSuccessor(long old) {
        Await.until("process " + old + " has a successor", () -> pid() != old, this::journal);
        Await.until("process " + old + " has let go", () -> !listens(old), this::journal);
    }

    private boolean listens(long process) {
        List<String> listening = Proc.listeningSockets();
        try (Stream<Path> fds = Files.list(systemd.path("/proc/" + process + "/fd"))) {
            return fds.anyMatch(fd -> {
                try {
                    return listening.contains(Files.readSymbolicLink(fd).toString());
                } catch (IOException e) {
                    return false; // closed meanwhile
                }
            });
        } catch (IOException | UncheckedIOException e) {
            return false; // it has gone
        }
    }

    /** Systemd has collected it then, and has seen to what follows from its end. */
    void awaitGone(long pid) {
        Await.until("process " + pid + " has gone", () -> !Files.exists(systemd.path("/proc/" + pid)), this::journal);
    }

    /** Says something in the name of the service. */
    void notifySystemd(String message) {
        String join = "echo $$ > /sys/fs/cgroup/system.slice/" + name + ".service/cgroup.procs";
        systemd.run("sh", "-c", join + " && NOTIFY_SOCKET=/run/systemd/notify systemd-notify " + message);
    }

    void signal(String signal, long pid) {
        systemd.run("kill", "-s", signal, Long.toString(pid));
    }

    /** The process that the PID file names. */
    long pid() {
        try {
            return Long.parseLong(
                    Files.readString(systemd.path("/run/" + name + "/pid")).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(journal(), e);
        }
    }

    /** The process that systemd takes for the service. */
    long mainPid() {
        return Long.parseLong(property("MainPID"));
    }

    String property(String property) {
        return systemd.run("systemctl", "show", "--property", property, "--value", name)
                .strip();
    }

    /** How many processes the unit has, one that has only begun to be spawned included. */
    int processes() {
        try {
            return Files.readAllLines(cgroup().resolve("cgroup.procs")).size();
        } catch (IOException e) {
            return 0; // removed with the last of them
        }
    }

    private Path cgroup() {
        return systemd.path("/sys/fs/cgroup/system.slice/" + name + ".service");
    }

    /** Where the process that came last listens. */
    InetSocketAddress address() {
        String journal = journal();
        Matcher matcher = LISTENING.matcher(journal);
        InetSocketAddress last = null;
        while (matcher.find()) {
            last = new InetSocketAddress(matcher.group(1), Integer.parseInt(matcher.group(2)));
        }
        assertTrue(last != null, journal);
        return last;
    }

    /** What the unit's processes, and systemd about the unit, have said up to now. */
    String journal() {
        systemd.run("journalctl", "--sync");
        return writtenJournal();
    }

    private String writtenJournal() {
        return systemd.run("journalctl", "--no-pager", "--unit", name);
    }

    /** The process that an upgrade has spawned; waits until one has. */
    long awaitSpawned() {
        awaitJournal(SPAWNED.pattern());
        Matcher spawned = SPAWNED.matcher(writtenJournal());
        assertTrue(spawned.find());
        return Long.parseLong(spawned.group(1));
    }

    void awaitJournal(String regex) {
        Pattern pattern = Pattern.compile(regex);
        Await.until(
                "in the journal: " + regex,
                () -> {
                    LockSupport.parkNanos(LOOK.toNanos());
                    return pattern.matcher(writtenJournal()).find();
                },
                this::journal);
    }

    /** A strict client, which forgives nothing but time: a machine that boots a systemd beside may be slow. */
    StrictLoad load() throws IOException {
        return MixedLoad.start(address());
    }

    void assertClean(StrictLoad load) {
        MixedLoad.assertClean(load, this::journal);
    }

    /** It was stopped by SIGTERM alone, in its own time, and nothing of it is left. */
    void assertStoppedGracefully() {
        String journal = journal();
        assertEquals("inactive", property("ActiveState"), journal);
        assertEquals("success", property("Result"), journal);
        assertTrue(journal.contains(name + ".service: Deactivated successfully."), journal);
        assertFalse(journal.contains("timed out"), journal);
        assertNobodyWasKilledAtWork(journal);
        assertFalse(Files.exists(cgroup()), "a process is left");
        assertFalse(Files.exists(systemd.path("/run/" + name)), "the runtime directory is left");
    }

    /**
     * When the main process ends, systemd kills what is left. That may be a new process that has done all it had to, and has removed the
     * PID file, but has not ended yet.
     */
    private static void assertNobodyWasKilledAtWork(String journal) {
        int kill = journal.indexOf("Killing process");
        if (kill >= 0) {
            Matcher serving = SERVING.matcher(journal);
            while (serving.find()) {
                assertTrue(journal.substring(0, kill).contains(serving.group(1) + " is done"), journal);
            }
        }
    }
}
