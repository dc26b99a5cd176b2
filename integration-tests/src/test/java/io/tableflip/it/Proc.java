package io.tableflip.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** What {@code /proc} says of other processes. */
final class Proc {
    private Proc() {}

    /** Running processes, zombies excluded, that have this variable in the environment with which they were started. */
    static List<Long> withEnvironment(String variable) {
        List<Long> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                long pid = Long.parseLong(process.getFileName().toString());
                if (isRunning(pid) && environment(process).contains("\0" + variable + "\0")) {
                    found.add(pid);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return found;
    }

    private static String environment(Path process) {
        try {
            return "\0" + Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return ""; // it has gone meanwhile, or is not ours to look at
        }
    }

    /** The letter of the state as ps(1) shows it; X if there is no such process. */
    static char state(long pid) {
        String stat = stat(pid);
        return stat.isEmpty() ? 'X' : stat.charAt(stat.lastIndexOf(')') + 2);
    }

    /** One that was killed goes on for as long as one of its threads does: until then its descriptors are open. */
    static boolean isRunning(long pid) {
        char state = state(pid);
        return state != 'X' && (state != 'Z' || threads(pid).size() > 1);
    }

    private static String stat(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Descriptors and what they are. */
    static SortedMap<Integer, String> descriptors(long pid) {
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

    /** The names of its threads. */
    static List<String> threads(long pid) {
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

    /** The program that a process runs. */
    static Path executable(long pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/exe"));
        } catch (IOException e) {
            throw new IllegalStateException("process " + pid + " has gone", e);
        }
    }

    /** Children of any kind, zombies included. */
    static List<Long> zombies(long parent) {
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
