package io.tableflip.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Looks at processes from outside. */
final class Processes {
    private static final Pattern PID = Pattern.compile("\"pid\":(\\d+)");
    private static final int PATIENCE_MILLIS = 2_000;

    private Processes() {}

    /** Whether it has ended, though its parent may not have looked yet. */
    static boolean hasGone(long pid) {
        return Program.stat(pid)
                .map(fields -> fields[0].equals("Z") || fields[0].equals("X"))
                .orElse(true);
    }

    static boolean isChildOf(long pid, long parent) {
        return Program.stat(pid)
                .filter(fields -> Long.parseLong(fields[1]) == parent)
                .isPresent();
    }

    /** The process that answers a request on a new connection; 0 if none does. */
    static long whoAnswers(int port) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(PATIENCE_MILLIS);
            String request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            Matcher matcher =
                    PID.matcher(new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1));
            return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    /** The memory of these processes together, a page that several of them share counted once: the sum of their Pss. */
    static long proportionalKilobytes(Collection<Long> pids) {
        return pids.stream().mapToLong(Processes::proportionalKilobytes).sum();
    }

    private static long proportionalKilobytes(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
            return lines.filter(line -> line.startsWith("Pss:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
        } catch (IOException | UncheckedIOException e) {
            return 0; // it has gone
        }
    }
}
