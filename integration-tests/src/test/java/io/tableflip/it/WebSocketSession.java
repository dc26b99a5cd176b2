package io.tableflip.it;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A client that sends one message after the other, each when the one before was answered, and connects anew at once when it is told
 * that the service restarts. Then it sends the message anew that was not answered, since the close came first. Whatever
 * else happens is an error. The methods of the listener are called one at a time.
 */
final class WebSocketSession implements WebSocket.Listener {
    /** Leaves the new process some of the processor. */
    private static final Executor PACE = CompletableFuture.delayedExecutor(5, TimeUnit.MILLISECONDS);

    private final HttpClient client;
    private final URI address;
    private final Queue<String> errors;
    private final StringBuilder message = new StringBuilder();
    private long number;
    private volatile boolean stopped;
    private volatile int generation;
    private final AtomicInteger restarts = new AtomicInteger();
    private volatile boolean ended;

    WebSocketSession(HttpClient client, URI address, Queue<String> errors) {
        this.client = client;
        this.address = address;
        this.errors = errors;
    }

    void connect() {
        client.newWebSocketBuilder().buildAsync(address, this).whenComplete((socket, failure) -> {
            if (failure != null) {
                errors.add("connect: " + failure);
            }
        });
    }

    /** Of the process that has answered last. */
    int generation() {
        return generation;
    }

    int restarts() {
        return restarts.get();
    }

    /** Ends with the next answer, by a close of its own. */
    void stop() {
        stopped = true;
    }

    boolean hasEnded() {
        return ended;
    }

    @Override
    public void onOpen(WebSocket socket) {
        send(socket);
        socket.request(1);
    }

    private void send(WebSocket socket) {
        // one that fails was crossed by the close, which comes next
        socket.sendText(Long.toString(number), true);
    }

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
        message.append(data);
        if (last) {
            answered(socket, message.toString().split(" ", 2));
            message.setLength(0);
        }
        socket.request(1);
        return null;
    }

    private void answered(WebSocket socket, String[] answer) {
        if (!answer[1].equals(Long.toString(number))) {
            errors.add("expected the answer to " + number + ", got that to " + answer[1]);
        }
        generation = Integer.parseInt(answer[0]);
        number++;
        if (stopped) {
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "");
        } else {
            PACE.execute(() -> send(socket));
        }
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket socket, int status, String reason) {
        if (stopped && status == WebSocket.NORMAL_CLOSURE) {
            ended = true;
        } else if (status == 1012) {
            restarts.incrementAndGet();
            connect();
        } else {
            errors.add("closed: " + status + " " + reason);
        }
        return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
        errors.add(error.toString());
    }
}
