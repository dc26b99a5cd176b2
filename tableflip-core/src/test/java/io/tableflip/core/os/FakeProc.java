package io.tableflip.core.os;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A directory that looks like {@code /proc}, as far as the library looks at that. */
public final class FakeProc {
    public final Path root;
    public final ProcFs fs;

    private FakeProc(ProcFs fs, Path root) {
        this.fs = fs;
        this.root = root;
    }

    public FakeProc(Path root) throws IOException {
        this.root = root;
        Files.createDirectories(root.resolve("self/fd"));
        Files.createDirectories(root.resolve("self/fdinfo"));
        Files.createDirectories(root.resolve("self/net"));
        fs = new ProcFs(root);
        parent(77);
        write("self/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n");
    }

    /** This process and its machine as they are, except for what is written later. */
    public static FakeProc ofThisProcess(Path root) throws IOException {
        Files.createDirectories(root.resolve("self"));
        String pid = Long.toString(ProcessHandle.current().pid());
        for (String entry : List.of("meminfo", "loadavg", "uptime", pid)) {
            Files.createSymbolicLink(root.resolve(entry), Path.of("/proc", entry));
        }
        try (Stream<Path> entries = Files.list(Path.of("/proc/self"))) {
            for (Path entry : (Iterable<Path>) entries::iterator) {
                Files.createSymbolicLink(root.resolve("self").resolve(entry.getFileName()), entry);
            }
        }
        return new FakeProc(new ProcFs(root), root);
    }

    public void write(String path, String content) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.resolveSibling("."));
        if (Files.isSymbolicLink(file)) {
            Files.delete(file); // not what it leads to
        }
        Files.writeString(file, content);
    }

    /** The process that has started this one, or has adopted it. */
    public void parent(long pid) throws IOException {
        write("self/stat", "1234 (java) S " + pid + " 0 0 0");
    }

    /** What {@code ls -l} would show behind the arrow. */
    public void fd(int number, String target, String flags) throws IOException {
        Files.createSymbolicLink(root.resolve("self/fd/" + number), Path.of(target));
        write("self/fdinfo/" + number, "pos:\t0\nflags:\t" + flags + "\nmnt_id:\t15\n");
    }

    /** A process with any name, even an odd one. */
    public void process(long pid, String name, char state, long startTime) throws IOException {
        process(pid, name, state, 1, startTime);
    }

    public void process(long pid, String name, char state, int threads, long startTime) throws IOException {
        write(
                pid + "/stat",
                pid + " (" + name + ") " + state + " 1" + " 0".repeat(15) + " " + threads + " 0 " + startTime + " 0 0");
    }

    public void processGone(long pid) throws IOException {
        Files.delete(root.resolve(pid + "/stat"));
        Files.delete(root.resolve(Long.toString(pid)));
    }

    public void unixSockets(String... lines) throws IOException {
        write(
                "self/net/unix",
                "Num       RefCount Protocol Flags    Type St Inode Path\n" + String.join("\n", lines) + "\n");
    }
}
