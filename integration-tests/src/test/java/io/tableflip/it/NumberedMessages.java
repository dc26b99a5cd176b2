package io.tableflip.it;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A session with the WebSocket example, under the client of the JDK, that never connects a second time. It
 * has several numbered messages under way, and notes whatever is wrong: a number or a tick out of order, or a
 * close.
 */
final class NumberedMessages implements WebSocket.Listener {
    private static final int UNDER_WAY = 3;
    /** Leaves the new process some of the processor. */
    private static final Executor PACE = CompletableFuture.delayedExecutor(2, TimeUnit.MILLISECONDS);

    private final Queue<String> problems;
    private final StringBuilder text = new StringBuilder();
    private long sent;
    private long answered;
    private long ticks;
    private int generation;
    private boolean ticked;
    private boolean sending;
    private boolean stopped;
    private boolean ended;

    private NumberedMessages(Queue<String> problems) {
        this.problems = problems;
    }

    static NumberedMessages open(HttpClient client, URI address, Queue<String> problems) {
        NumberedMessages session = new NumberedMessages(problems);
        client.newWebSocketBuilder().buildAsync(address, session).join();
        return session;
    }

    /** Whether this generation has answered, and has sent a tick after that. */
    synchronized boolean hasAll(int ofGeneration) {
        return generation == ofGeneration && ticked;
    }

    /** Closes the connection after the answers to what was sent. */
    synchronized void end() {
        stopped = true;
    }

    synchronized boolean hasEnded() {
        return ended;
    }

    @Override
    public synchronized void onOpen(WebSocket socket) {
        goOnIfAnswered(socket);
        socket.request(1);
    }

    private void goOnIfAnswered(WebSocket socket) {
        if (!sending && answered == sent) {
            sending = true;
            PACE.execute(() -> send(socket, UNDER_WAY));
        }
    }

    /** One after the other: the client refuses a message before it has sent the last. */
    private synchronized void send(WebSocket socket, int more) {
        if (stopped && answered == sent) {
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "");
        } else if (more > 0 && !stopped) {
            socket.sendText("message " + sent++, true).whenComplete((done, failure) -> {
                if (failure == null) {
                    send(socket, more - 1);
                } else {
                    problems.add("after " + this + ": " + failure);
                }
            });
        } else {
            sending = false;
            goOnIfAnswered(socket);
        }
    }

    @Override
    public synchronized @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            String message = text.toString();
            text.setLength(0);
            if (message.startsWith("tick ")) {
                tick(message);
            } else {
                answer(socket, message);
            }
        }
        socket.request(1);
        return null;
    }

    private void tick(String message) {
        ticks++;
        ticked = true;
        if (!message.equals("tick " + ticks)) {
            problems.add("expected tick " + ticks + ", got " + message);
        }
    }

    private void answer(WebSocket socket, String message) {
        String[] parts = message.split(" ", 3);
        if (!parts[2].equals("message " + answered)) {
            problems.add("expected the answer to message " + answered + ", got " + message);
        }
        answered++;
        int by = Integer.parseInt(parts[1]);
        if (by != generation) {
            generation = by;
            ticked = false;
        }
        goOnIfAnswered(socket);
    }

    @Override
    public synchronized @Nullable CompletionStage<?> onClose(WebSocket socket, int status, String reason) {
        ended = stopped && status == WebSocket.NORMAL_CLOSURE;
        if (!ended) {
            problems.add("closed: " + status + " " + reason);
        }
        return null;
    }

    @Override
    public synchronized void onError(WebSocket socket, Throwable error) {
        problems.add("after " + answered + " answers: " + error);
    }

    @Override
    public synchronized String toString() {
        return "generation " + generation + ", " + answered + " answers, " + ticks + " ticks";
    }
}
