package io.tableflip.testsupport;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What {@code /proc} says of other processes. */
public final class Proc {
    private Proc() {}

    /** Running processes, zombies excluded, that have this variable in the environment with which they were started. */
    public static List<Long> withEnvironment(String variable) {
        List<Long> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                long pid = Long.parseLong(process.getFileName().toString());
                if (isRunning(pid) && hasEnvironment(pid, variable)) {
                    found.add(pid);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return found;
    }

    /** Whether a process was started with this variable in its environment. */
    public static boolean hasEnvironment(long pid, String variable) {
        return environment(pid).contains("\0" + variable + "\0");
    }

    private static String environment(long pid) {
        try {
            return "\0" + Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return ""; // it has gone meanwhile, or is not ours to look at
        }
    }

    /** The letter of the state as ps(1) shows it; X if there is no such process. */
    public static char state(long pid) {
        String stat = stat(pid);
        return stat.isEmpty() ? 'X' : stat.charAt(stat.lastIndexOf(')') + 2);
    }

    /**
     * One that was killed goes on for as long as one of its threads does: until then its descriptors are open, and the library takes it for running.
     */
    public static boolean isRunning(long pid) {
        String stat = stat(pid);
        if (stat.isEmpty()) {
            return false;
        }
        // both at one time: of a thread that is just ending there is nothing else to be seen
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return !fields[0].equals("X") && (!fields[0].equals("Z") || Integer.parseInt(fields[17]) > 1);
    }

    private static String stat(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Descriptors and what they are. */
    public static SortedMap<Integer, String> descriptors(long pid) {
        SortedMap<Integer, String> descriptors = new TreeMap<>();
        try (DirectoryStream<Path> fds = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (Path fd : fds) {
                try {
                    descriptors.put(
                            Integer.parseInt(fd.getFileName().toString()),
                            Files.readSymbolicLink(fd).toString());
                } catch (IOException e) {
                    // closed meanwhile
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException("process " + pid + " has gone", e);
        }
        return descriptors;
    }

    /** Whether one of its descriptors is that file, by device and inode. */
    public static boolean holds(long pid, Path file) {
        return descriptors(pid).keySet().stream().anyMatch(fd -> {
            try {
                return Files.isSameFile(Path.of("/proc/" + pid + "/fd/" + fd), file);
            } catch (IOException e) {
                return false; // closed meanwhile, or nothing with a path
            }
        });
    }

    /** The inodes of the TCP sockets that listen at that address. */
    public static List<Long> listener(InetSocketAddress address) {
        return bound("tcp", address)
                .filter(row -> row[3].equals("0A"))
                .map(row -> Long.parseLong(row[9]))
                .toList();
    }

    /** The inodes of the UDP sockets that are bound to that address. */
    public static List<Long> datagramSocket(InetSocketAddress address) {
        return bound("udp", address).map(row -> Long.parseLong(row[9])).toList();
    }

    /** Netty's sockets are IPv6 ones, Go's are not; both can have the same address. */
    private static Stream<String[]> bound(String table, InetSocketAddress address) {
        String mapped = "0000000000000000FFFF0000" + hex(address);
        return Stream.concat(
                table(table).filter(row -> row[1].equals(hex(address))),
                table(table + "6").filter(row -> row[1].equals(mapped)));
    }

    /** The inodes of the Unix sockets that listen at that path. */
    public static List<Long> listener(Path path) {
        return table("unix")
                .filter(row -> row.length > 7 && row[7].equals(path.toString()) && row[3].equals("00010000"))
                .map(row -> Long.parseLong(row[6]))
                .toList();
    }

    /** An IPv4 address as the kernel shows it: the four bytes as one number in the order of this machine. */
    private static String hex(InetSocketAddress address) {
        int bytes = ByteBuffer.wrap(address.getAddress().getAddress())
                .order(ByteOrder.nativeOrder())
                .getInt();
        return String.format("%08X:%04X", bytes, address.getPort());
    }

    private static Stream<String[]> table(String name) {
        try {
            return Files.readAllLines(Path.of("/proc/net/" + name)).stream()
                    .skip(1)
                    .map(line -> line.strip().split(" +", -1));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The names of its threads. */
    public static List<String> threads(long pid) {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks) {
                try {
                    names.add(Files.readString(task.resolve("comm")).strip());
                } catch (IOException e) {
                    // ended meanwhile
                }
            }
        } catch (IOException e) {
            return List.of(); // it has gone
        }
        return names;
    }

    /** The TCP sockets that listen, as they show among the descriptors of a process. */
    public static List<String> listeningSockets() {
        return Stream.concat(table("tcp"), table("tcp6"))
                .filter(row -> row[3].equals("0A"))
                .map(row -> "socket:[" + row[9] + "]")
                .toList();
    }

    /** The memory that a process occupies. */
    public static long residentKilobytes(long pid) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D+", ""));
            }
        }
        throw new IllegalStateException("process " + pid + " has gone");
    }

    /** The program that a process runs. */
    public static Path executable(long pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/exe"));
        } catch (IOException e) {
            throw new IllegalStateException("process " + pid + " has gone", e);
        }
    }

    /** Whether a process runs that program; one that ends meanwhile does not. */
    public static boolean runs(long pid, String program) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/exe")).endsWith(program);
        } catch (IOException e) {
            return false;
        }
    }

    /** The words with which a process was started; none if it has gone. */
    public static List<String> commandLine(long pid) {
        try {
            return List.of(
                    Files.readString(Path.of("/proc/" + pid + "/cmdline")).split("\0", -1));
        } catch (IOException e) {
            return List.of();
        }
    }

    /** The id of a process in the innermost namespace that it is in; -1 if it has gone. */
    public static long idInside(long pid) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
                if (line.startsWith("NSpid:")) {
                    return Long.parseLong(line.substring(line.lastIndexOf('\t') + 1));
                }
            }
        } catch (IOException e) {
            // it has gone
        }
        return -1;
    }

    /** Those that live. */
    public static List<Long> children(long parent) {
        return ProcessHandle.of(parent).stream()
                .flatMap(ProcessHandle::children)
                .map(ProcessHandle::pid)
                .filter(Proc::isRunning)
                .toList();
    }

    /** Children of any kind, zombies included. */
    public static List<Long> zombies(long parent) {
        List<Long> zombies = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                long pid = Long.parseLong(process.getFileName().toString());
                String stat = stat(pid);
                if (!stat.isEmpty() && stat.startsWith("Z " + parent + " ", stat.lastIndexOf(')') + 2)) {
                    zombies.add(pid);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return zombies;
    }
}
