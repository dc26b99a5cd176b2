package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/** A client that opens one connection after the other, all the time, and takes nothing but an answer for an answer. */
final class NewConnections implements AutoCloseable {
    private static final Duration PAUSE = Duration.ofMillis(2);

    private final PeerClient client;
    private final List<Throwable> failures = new CopyOnWriteArrayList<>();
    private final Map<String, Integer> answers =
            new LinkedHashMap<>(); // by who gave them; the thread's until it has ended
    private final Thread thread = new Thread(this::run, "new-connections");
    private volatile boolean stopped;

    private NewConnections(PeerClient client) {
        this.client = client;
        thread.setDaemon(true);
    }

    static NewConnections start(PeerClient client) {
        NewConnections connections = new NewConnections(client);
        connections.thread.start();
        return connections;
    }

    private void run() {
        while (!stopped) {
            try {
                answers.merge(client.tcp("load"), 1, Integer::sum);
            } catch (RuntimeException e) {
                failures.add(e);
            }
            LockSupport.parkNanos(PAUSE.toNanos()); // the ports of this machine would run out otherwise
        }
    }

    /** All were answered, some of them by each of these, in this order, and none by another. */
    void assertAnsweredBy(List<String> names) throws InterruptedException {
        close();
        thread.join(Await.LIMIT.toMillis() * 2);
        assertTrue(!thread.isAlive(), "the client hangs");
        assertEquals(List.of(), failures);
        assertEquals(
                names.stream().map(name -> name + " load").toList(), List.copyOf(answers.keySet()), answers.toString());
    }

    @Override
    public void close() {
        stopped = true;
    }
}
