package io.tableflip.core.os;

import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** What {@code /proc} tells, without native code. */
public final class ProcFs {
    private static final int ACCESS_MODE = 03;
    private static final int READ_ONLY = 0;
    private static final int WRITE_ONLY = 1;
    private static final int CLOSE_ON_EXEC = 02000000;

    private final Path root;

    public ProcFs() {
        this(Path.of("/proc"));
    }

    public ProcFs(Path root) {
        this.root = root;
    }

    public byte[] commandLine() throws IOException {
        return Files.readAllBytes(root.resolve("self/cmdline"));
    }

    public byte[] environment() throws IOException {
        return Files.readAllBytes(root.resolve("self/environ"));
    }

    /** The link to this process's descriptor of that number. */
    public Path fd(int number) {
        return root.resolve("self/fd/" + number);
    }

    /** What a descriptor is, {@code pipe:[4711]} for example; empty if it is not open. */
    public Optional<String> describe(int fd) {
        try {
            return Optional.of(Files.readSymbolicLink(fd(fd)).toString());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** What a descriptor of another process is; empty if it is not open, or not ours to know. */
    public Optional<String> describe(long pid, int fd) {
        try {
            return Optional.of(
                    Files.readSymbolicLink(root.resolve(pid + "/fd/" + fd)).toString());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The inode of a pipe of which the descriptor is the read end; empty if it is anything else. */
    public Optional<Long> readablePipe(int fd) {
        return pipe(fd, READ_ONLY);
    }

    /** The inode of a pipe of which the descriptor is the write end; empty if it is anything else. */
    public Optional<Long> writablePipe(int fd) {
        return pipe(fd, WRITE_ONLY);
    }

    private Optional<Long> pipe(int fd, int mode) {
        return inode(fd, "pipe").filter(inode -> (flags(fd) & ACCESS_MODE) == mode);
    }

    /** The inode of a descriptor, if it is of this type: {@code pipe} or {@code socket}. */
    public Optional<Long> inode(int fd, String type) {
        return describe(fd)
                .filter(link -> link.startsWith(type + ":[") && link.endsWith("]"))
                .map(link -> Long.parseLong(link.substring(type.length() + 2, link.length() - 1)));
    }

    /**
     * Whether a descriptor was passed by whoever started this process: what a JVM opens itself is
     * close-on-exec.
     */
    public boolean isPassed(int fd) {
        return describe(fd).isPresent() && (flags(fd) & CLOSE_ON_EXEC) == 0;
    }

    /**
     * Another process that has the read end of a pipe. Looks at all processes that this one may look at.
     *
     * @param likely is looked at first
     */
    public Optional<Long> readerOf(long pipe, long likely) throws IOException {
        try (Stream<Path> all = Files.list(root)) {
            return Stream.concat(
                            Stream.of(Long.toString(likely)),
                            all.map(process -> process.getFileName().toString()))
                    .filter(name -> name.matches("[0-9]+")
                            && Long.parseLong(name) != ProcessHandle.current().pid())
                    .filter(name -> reads(name, "pipe:[" + pipe + "]"))
                    .findFirst()
                    .map(Long::parseLong);
        }
    }

    private boolean reads(String process, String link) {
        try (Stream<Path> all = Files.list(root.resolve(process + "/fd"))) {
            return all.anyMatch(fd -> {
                try {
                    return Files.readSymbolicLink(fd).toString().equals(link)
                            && (flags(process, fd.getFileName().toString()) & ACCESS_MODE) == READ_ONLY;
                } catch (IOException e) {
                    return false; // closed meanwhile
                }
            });
        } catch (IOException | UncheckedIOException e) {
            return false; // has ended, or belongs to somebody else
        }
    }

    private int flags(int fd) {
        return flags("self", Integer.toString(fd));
    }

    private int flags(String process, String fd) {
        try {
            for (String line : Files.readAllLines(root.resolve(process + "/fdinfo/" + fd))) {
                if (line.startsWith("flags:")) {
                    return Integer.parseInt(line.substring(6).trim(), 8);
                }
            }
        } catch (IOException e) {
            // closed meanwhile: has no access mode
        }
        return ACCESS_MODE;
    }

    /** The highest descriptor that is open now. */
    public int highestFd() throws IOException {
        return openFds().stream().reduce(2, Math::max);
    }

    /** The descriptors that are open now; the one with which they are listed is among them. */
    public List<Integer> openFds() throws IOException {
        return numbers(root.resolve("self/fd"));
    }

    private static List<Integer> numbers(Path directory) throws IOException {
        List<Integer> numbers = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, "[0-9]*")) {
            entries.forEach(
                    entry -> numbers.add(Integer.valueOf(entry.getFileName().toString())));
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return numbers;
    }

    /**
     * When a process was started, in ticks since the boot: tells it from a later one with the same id. Empty
     * if it is gone or a zombie; not yet if only its first thread is, while others still end: until the last
     * of them has, it is the parent of its children. Also empty for another process that {@code /proc} hides
     * ({@code hidepid}).
     *
     * @throws IOException if that cannot be told, since this process is out of descriptors for example
     */
    public Optional<Long> startTime(long pid) throws IOException {
        Path process = root.resolve(Long.toString(pid));
        String stat;
        try {
            stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            if (Files.notExists(process)) { // needs no descriptor
                return Optional.empty();
            }
            throw e;
        }
        String[] fields = fieldsBehindName(stat);
        char state = fields[0].charAt(0);
        long threads = Long.parseLong(fields[17]);
        boolean ended = state == 'X' || (state == 'Z' && threads <= 1);
        return ended ? Optional.empty() : Optional.of(Long.parseLong(fields[19]));
    }

    /** The scheduling policy of this process, as of sched_getscheduler(2). */
    public int policy() throws IOException {
        return Integer.parseInt(ownStat()[38]);
    }

    /** The nice value of this process. */
    public int nice() throws IOException {
        return Integer.parseInt(ownStat()[16]);
    }

    private String[] ownStat() throws IOException {
        String stat = Files.readString(root.resolve("self/stat"), StandardCharsets.ISO_8859_1);
        return fieldsBehindName(stat);
    }

    /**
     * The name, in parentheses, may have anything in it. The state is the first of them, number 3 in proc(5).
     */
    private static String[] fieldsBehindName(String stat) {
        return stat.substring(stat.lastIndexOf(')') + 2).strip().split(" ", -1);
    }

    /** Whether a capability is effective, in the user namespace of this process. */
    public boolean hasCapability(int number) throws IOException {
        for (String line : Files.readAllLines(root.resolve("self/status"), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith("CapEff:")) {
                return (Long.parseUnsignedLong(line.substring(7).strip(), 16) >> number & 1) != 0;
            }
        }
        return false;
    }

    /** Whether its capabilities count outside of a container of its user's. */
    public boolean isInFirstUserNamespace() throws IOException {
        Path map = root.resolve("self/uid_map");
        return !Files.exists(map)
                || Files.readString(map, StandardCharsets.ISO_8859_1)
                        .strip()
                        .replaceAll("\\s+", " ")
                        .equals("0 0 4294967295");
    }

    /** The limit RLIMIT_NICE of this process. */
    public int niceLimit() throws IOException {
        long soft = limit("Max nice priority").map(ResourceLimit::soft).orElse(0L);
        return (int) Math.min(soft, Integer.MAX_VALUE);
    }

    /** A limit of this process by its name, {@code Max open files} for example; empty if there is none. */
    public Optional<ResourceLimit> limit(String name) throws IOException {
        for (String line : Files.readAllLines(root.resolve("self/limits"), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith(name + " ")) {
                return Optional.of(ResourceLimit.parse(line.substring(name.length())));
            }
        }
        return Optional.empty();
    }

    /**
     * The threads of a process that there are now.
     *
     * @throws IOException if that cannot be told, since the process has gone for example
     */
    public List<Integer> threads(long pid) throws IOException {
        return numbers(root.resolve(pid + "/task"));
    }

    /**
     * How many threads the machine has, those among them that this process cannot see; empty where that is
     * hidden, as by {@code ProcSubset=pid} of a systemd unit.
     */
    public OptionalLong allThreads() throws IOException {
        Path file = root.resolve("loadavg");
        if (!Files.exists(file)) {
            return OptionalLong.empty();
        }
        String load = Files.readString(file, StandardCharsets.ISO_8859_1);
        return OptionalLong.of(Long.parseLong(load.split("[ /]", -1)[4]));
    }

    /** How many threads a real user has, in the processes that this one can see. Reads a file of each. */
    public long threadsOf(long user) throws IOException {
        long threads = 0;
        for (int process : numbers(root)) {
            try {
                if (user(process) == user) {
                    threads += number(process + "/status", "Threads").orElse(0);
                }
            } catch (IOException e) {
                // it has ended meanwhile
            }
        }
        return threads;
    }

    /** The lines of the kernel's table of Unix sockets, bytes as ISO 8859-1. */
    List<String> unixSockets() throws IOException {
        return Files.readAllLines(root.resolve("self/net/unix"), StandardCharsets.ISO_8859_1);
    }

    /**
     * The lines of the kernel's table of TCP or UDP sockets; none where the kernel is without that protocol.
     */
    public List<String> internetSockets(String protocol) throws IOException {
        Path table = root.resolve("self/net/" + protocol);
        return Files.exists(table) ? Files.readAllLines(table, StandardCharsets.ISO_8859_1) : List.of();
    }

    /** The variables that a process was started with. */
    public List<String> environment(long pid) throws IOException {
        return RawString.decodeBlock(Files.readAllBytes(root.resolve(pid + "/environ")));
    }

    /** For how long the machine runs, in milliseconds. */
    public long uptimeMillis() throws IOException {
        String uptime = Files.readString(root.resolve("uptime"), StandardCharsets.ISO_8859_1);
        return (long) (Double.parseDouble(uptime.split(" ", 2)[0]) * 1000);
    }

    /** The real user of a process, whatever it may be asked of it. */
    public long user(long pid) throws IOException {
        return user(Long.toString(pid));
    }

    /** The real user of this process. */
    public long user() throws IOException {
        return user("self");
    }

    private long user(String process) throws IOException {
        for (String line : Files.readAllLines(root.resolve(process + "/status"), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith("Uid:")) {
                return Long.parseLong(line.substring(4).strip().split("\\s+", -1)[0]);
            }
        }
        throw new IOException("process " + process + " has no user");
    }

    /** The cgroups of this process, a line for each hierarchy. */
    public List<String> cgroups() throws IOException {
        return RawString.decode(Files.readAllBytes(root.resolve("self/cgroup")))
                .lines()
                .toList();
    }

    /** What is mounted, as this process sees it. */
    public List<String> mounts() throws IOException {
        return RawString.decode(Files.readAllBytes(root.resolve("self/mountinfo")))
                .lines()
                .toList();
    }

    /**
     * Whether processes can be there that this one does not see, by the option {@code hidepid} of its mount.
     */
    public boolean hidesProcesses() {
        try {
            return mounts().stream()
                    .filter(mount -> mount.split(" ", -1)[4].equals(root.toString()))
                    .anyMatch(mount -> mount.matches(".*[ ,]hidepid=(?!0|off)\\w+.*"));
        } catch (IOException | IndexOutOfBoundsException e) {
            return false;
        }
    }

    /** The number of a line {@code NAME: NUMBER} or {@code NAME: NUMBER kB}; empty if there is none. */
    public OptionalLong number(String file, String name) throws IOException {
        for (String line : Files.readAllLines(root.resolve(file), StandardCharsets.ISO_8859_1)) {
            if (line.startsWith(name + ":")) {
                return OptionalLong.of(Long.parseLong(line.replaceAll("[^0-9]", "")));
            }
        }
        return OptionalLong.empty();
    }

    /** The name of a process, of at most 15 characters; empty if it has exited. */
    public String name(long pid) throws IOException {
        Path name = root.resolve(pid + "/comm");
        return Files.exists(name)
                ? Files.readString(name, StandardCharsets.ISO_8859_1).strip()
                : "";
    }

    /** The words with which a process was started, each with a zero byte behind it; empty for a zombie. */
    public String commandLine(long pid) throws IOException {
        return Files.readString(root.resolve(pid + "/cmdline"), StandardCharsets.ISO_8859_1);
    }

    /** Whether a process is the one of its parent's children that has run the longest. */
    public boolean isFirstChild(long pid, long parent) throws IOException {
        long own = startTime(pid).orElse(0L);
        try (Stream<Path> all = Files.list(root)) {
            return all.map(process -> process.getFileName().toString())
                    .filter(name -> name.matches("[0-9]+") && Long.parseLong(name) != pid)
                    .noneMatch(name -> isOlderChild(name, parent, own));
        }
    }

    private boolean isOlderChild(String process, long parent, long start) {
        try {
            String[] fields =
                    fieldsBehindName(Files.readString(root.resolve(process + "/stat"), StandardCharsets.ISO_8859_1));
            return Long.parseLong(fields[1]) == parent && Long.parseLong(fields[19]) < start;
        } catch (IOException e) {
            return false; // has exited
        }
    }

    /** Whether this process has a controlling terminal. */
    public boolean hasTerminal() throws IOException {
        return !ownStat()[4].equals("0");
    }

    public long parentPid() throws IOException {
        return Long.parseLong(ownStat()[1]);
    }

    /** The working directory; a link that leads there even when it has been removed from its place. */
    public Path workingDirectory() {
        return root.resolve("self/cwd");
    }

    /** Whether this path leads to the working directory now. */
    public boolean isWorkingDirectory(String path) {
        try {
            return Files.isSameFile(Path.of(path), workingDirectory());
        } catch (IOException | InvalidPathException e) {
            return false;
        }
    }

    /** What a process was started from. */
    public String executable(long pid) throws IOException {
        return Files.readSymbolicLink(root.resolve(pid + "/exe")).toString();
    }

    /** The working directory of a process. */
    public String workingDirectory(long pid) throws IOException {
        return Files.readSymbolicLink(root.resolve(pid + "/cwd")).toString();
    }

    /** The arguments of a process, the program's name among them; none for a zombie. */
    public List<String> arguments(long pid) throws IOException {
        return RawString.decodeBlock(Files.readAllBytes(root.resolve(pid + "/cmdline")));
    }

    /** What this process was started from. */
    public Path executable() throws IOException {
        String exe = Files.readSymbolicLink(root.resolve("self/exe")).toString();
        String deleted = " (deleted)";
        return Path.of(exe.endsWith(deleted) ? exe.substring(0, exe.length() - deleted.length()) : exe);
    }
}
