package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Asks the example server again and again on one connection, some requests in one write, and notes whatever
 * is wrong: an answer that is missing, one that asks to close the connection, one of an earlier generation
 * than the last.
 */
final class KeptRequests {
    private static final Pattern GENERATION = Pattern.compile("\"generation\":(\\d+),");

    private final Socket socket;
    private final int pipelined;
    private final Queue<String> problems;
    private final Thread thread = new Thread(this::run, "kept-requests");
    private volatile int generation;
    private volatile boolean stopped;

    /** @param pipelined how many requests are sent together */
    KeptRequests(Socket socket, int pipelined, Queue<String> problems) {
        this.socket = socket;
        this.pipelined = pipelined;
        this.problems = problems;
    }

    KeptRequests begin() {
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    private void run() {
        byte[] requests =
                "GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(pipelined).getBytes(StandardCharsets.US_ASCII);
        long round = 0;
        try {
            while (!stopped) {
                round++;
                socket.getOutputStream().write(requests);
                for (int i = 0; i < pipelined; i++) {
                    check(Http.readOne(socket.getInputStream()));
                }
            }
        } catch (IOException e) {
            problems.add("round " + round + " of " + pipelined + " requests: " + e);
        }
    }

    private void check(String answer) {
        Integer by = generation(answer);
        if (by == null || by < generation || Http.tellsToLeave(answer)) {
            problems.add("after generation " + generation + ": " + answer);
        } else {
            generation = by;
        }
    }

    /** The generation that has given this answer; {@code null} if it is none of the example. */
    static @Nullable Integer generation(String answer) {
        Matcher matcher = GENERATION.matcher(answer);
        return matcher.find() ? Integer.valueOf(matcher.group(1)) : null;
    }

    /** Of the last answer. */
    int generation() {
        return generation;
    }

    /** After the answers to what was sent. */
    void stop() {
        stopped = true;
    }

    void awaitEnd() throws InterruptedException {
        thread.join(Await.LIMIT.toMillis());
        assertFalse(thread.isAlive());
    }
}
