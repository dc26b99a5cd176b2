package io.tableflip.ctl;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.NativeOs;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Sends signals. Java cannot, so the first of these that there is does it: a shell, whose kill is built in;
 * the program kill; the library jnr-ffi, if it is on the class path.
 */
final class Kill {
    private static final List<String> SHELLS = List.of("/bin/sh", "/bin/bash", "/bin/busybox", "/usr/bin/bash");
    private static final List<String> PROGRAMS = List.of("/bin/kill", "/usr/bin/kill");

    private Kill() {}

    /** What signal 0 shows of a process. */
    enum Presence {
        THERE,
        GONE,
        /** There is no means to send a signal, or the answer is unknown. */
        UNKNOWN
    }

    /** There is no means to send a signal. */
    static final class Impossible extends Exception {
        private static final long serialVersionUID = 1;

        Impossible() {
            super("neither a shell, nor the program kill, nor jnr-ffi on the class path");
        }
    }

    /**
     * Sends a signal.
     *
     * @throws IOException says why the process does not get it
     */
    static void send(String signal, long pid) throws IOException, Impossible, InterruptedException {
        for (List<String> command : commands(signal, pid)) {
            String problem = run(command);
            if (problem.isEmpty()) {
                return;
            }
            throw new IOException("SIG" + signal + " cannot be sent to process " + pid + ": " + problem);
        }
        sendNatively(signal, pid);
    }

    private static void sendNatively(String signal, long pid) throws IOException, Impossible {
        try {
            new NativeOs().kill((int) pid, NativeOs.signalNumber(signal));
        } catch (LinkageError e) {
            throw new Impossible();
        } catch (IllegalArgumentException e) {
            throw new IOException("there is no signal SIG" + signal, e);
        } catch (SystemCallException e) {
            throw new IOException("SIG" + signal + " cannot be sent to process " + pid + ": " + e.getMessage(), e);
        }
    }

    /** Whether a process is there, even one that {@code /proc} does not show. */
    static Presence presence(long pid) throws InterruptedException {
        for (List<String> command : commands("0", pid)) {
            try {
                String problem = run(command);
                return problem.isEmpty() || problem.contains("ermitted")
                        ? Presence.THERE
                        : problem.contains("No such process") ? Presence.GONE : Presence.UNKNOWN;
            } catch (IOException e) {
                return Presence.UNKNOWN;
            }
        }
        return Presence.UNKNOWN;
    }

    private static List<List<String>> commands(String signal, long pid) {
        List<List<String>> commands = new ArrayList<>();
        String number = Long.toString(pid);
        for (String shell : SHELLS) {
            if (isProgram(shell)) {
                List<String> command = new ArrayList<>(List.of(shell));
                if (shell.endsWith("busybox")) {
                    command.add("sh");
                }
                command.addAll(List.of("-c", "kill -s \"$1\" \"$2\"", "sh", signal, number));
                commands.add(command);
            }
        }
        for (String program : PROGRAMS) {
            if (isProgram(program)) {
                commands.add(List.of(program, "-s", signal, number));
            }
        }
        return commands;
    }

    private static boolean isProgram(String path) {
        return Files.isRegularFile(Path.of(path)) && Files.isExecutable(Path.of(path));
    }

    /** What the command has complained about; empty if it has succeeded. */
    private static String run(List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C"); // the text tells what the exit status does not
        Process kill = builder.start();
        kill.getOutputStream().close();
        String said = new String(kill.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        int status = kill.waitFor();
        return status == 0 ? "" : said.isEmpty() ? "exit status " + status : Printable.of(said);
    }
}
