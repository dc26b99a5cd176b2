package io.tableflip.netty.engine;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.netty.channel.EventLoop;
import io.tableflip.core.transfer.ConnectionSender;
import io.tableflip.core.transfer.ConnectionSender.Connection;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Transfers the connections of one event loop, on that loop: many in one message, each as soon as it has come
 * to a boundary.
 *
 * <p>A connection is told only when there is credit for it, so its client does not wait for thousands of
 * others.
 */
final class LoopPass {
    /** How many connections one round of the loop looks at: others want to read and write in between. */
    private static final int BATCH = 64;

    /** How long to wait when the channel is full. */
    private static final Duration RETRY = Duration.ofMillis(1);

    /**
     * When to look at connections that wait, first and at most: not everything that they wait for calls back.
     */
    private static final Duration FIRST_LOOK = Duration.ofMillis(5);

    private static final Duration LONGEST_LOOK = Duration.ofMillis(100);

    private static final String REFUSED = "refused";
    private static final String NO_ROOM = "no room in the new process";

    private final EventLoop loop;
    private final ConnectionSender sender;
    private final Result result;
    private final long deadline;
    /** They do not know of it yet. */
    private final Deque<Candidate> untold = new ArrayDeque<>();
    /**
     * They have been told, and may be at a boundary: first those that hold credit, for which others may have
     * to wait.
     */
    private final Deque<Candidate> settled = new ArrayDeque<>();
    /** They have been told, and are not at a boundary. */
    private final Set<Candidate> waiting = new LinkedHashSet<>();

    private boolean scheduled;
    private boolean looking;
    private boolean over;
    private Duration nextLook = FIRST_LOOK;

    /** What becomes of the connections; called on the loop. */
    interface Result {
        void transferred(Candidate candidate);

        /** It has closed meanwhile. */
        void closed(Candidate candidate);

        /**
         * It is not transferred.
         *
         * @param reason why, as a short name
         */
        void stays(Candidate candidate, String reason);

        /** All of this loop have come to an end. */
        void done();
    }

    /** @param deadline as {@link System#nanoTime}: what has not come to a boundary by then stays */
    LoopPass(EventLoop loop, List<Candidate> candidates, ConnectionSender sender, long deadline, Result result) {
        this.loop = loop;
        this.sender = sender;
        this.deadline = deadline;
        this.result = result;
        untold.addAll(candidates);
    }

    /** Looks at its connections in the next round of the loop. */
    void again() {
        if (!scheduled && !over) {
            scheduled = true;
            loop.execute(this::run);
        }
    }

    private void settled(Candidate candidate) {
        if (waiting.remove(candidate)) {
            enqueue(candidate);
            again();
        }
    }

    private void enqueue(Candidate candidate) {
        if (candidate.isCredited()) {
            settled.addFirst(candidate);
        } else {
            settled.addLast(candidate);
        }
    }

    private void run() {
        scheduled = false;
        if (over || isToEnd()) {
            return;
        }
        List<Candidate> batch = new ArrayList<>();
        List<Connection> connections = new ArrayList<>();
        collect(batch, connections);
        if (!batch.isEmpty()) {
            send(batch, connections);
        }
        endOrGoOn();
    }

    /** Whether none of the rest will be transferred. */
    private boolean isToEnd() {
        boolean isRefused = sender.isRefused();
        boolean isToEnd = isRefused || System.nanoTime() - deadline > 0;
        if (isToEnd) {
            end(isRefused);
        }
        return isToEnd;
    }

    private void collect(List<Candidate> batch, List<Connection> connections) {
        int bytes = 0;
        for (int looked = 0; looked < BATCH; looked++) {
            Candidate next = settled.isEmpty() ? untold.peek() : settled.peek();
            if (next == null || (!next.isCredited() && !takeCredit(next))) {
                return; // or sender calls back
            }
            if (settled.poll() == null) {
                untold.poll();
            }
            Connection connection = look(next);
            if (connection != null) {
                bytes += connection.record().length;
                if (bytes > ConnectionSender.MAX_RECORDS && !batch.isEmpty()) {
                    settled.addFirst(next);
                    again();
                    return;
                }
                batch.add(next);
                connections.add(connection);
            }
        }
        again();
    }

    private boolean takeCredit(Candidate candidate) {
        if (!sender.take()) {
            return false;
        }
        candidate.credited(true);
        return true;
    }

    private @Nullable Connection look(Candidate candidate) {
        if (!candidate.channel().isActive()) {
            giveBack(candidate);
            result.closed(candidate);
            return null;
        }
        candidate.prepare(() -> settled(candidate));
        String obstacle = candidate.obstacle();
        if (obstacle == null) {
            return candidate.connection();
        }
        String never = candidate.neverReason();
        if (never != null) {
            stays(candidate, never);
            return null;
        }
        waiting.add(candidate);
        if (!obstacle.equals(Transferable.BEING_NOTIFIED)) {
            giveBack(candidate); // that may take long, and holds up nobody
        }
        return null;
    }

    private void giveBack(Candidate candidate) {
        if (candidate.isCredited()) {
            candidate.credited(false);
            sender.giveBack();
        }
    }

    /**
     * All of it in one task of the loop: nothing is read or written between the look, the message and the
     * close.
     */
    private void send(List<Candidate> batch, List<Connection> connections) {
        switch (sender.send(connections)) {
            case SENT ->
                batch.forEach(candidate -> {
                    candidate.transferred();
                    result.transferred(candidate);
                });
            case FULL -> {
                batch.forEach(this::enqueue);
                scheduled = true;
                loop.schedule(this::run, RETRY.toMillis(), MILLISECONDS);
            }
            case REFUSED -> batch.forEach(candidate -> stays(candidate, REFUSED));
        }
    }

    private void stays(Candidate candidate, String reason) {
        giveBack(candidate);
        candidate.callOff();
        result.stays(candidate, reason);
    }

    private void end(boolean isRefused) {
        over = true;
        List<Candidate> told = new ArrayList<>(settled);
        told.addAll(waiting);
        settled.clear();
        waiting.clear();
        told.forEach(candidate -> end(candidate, isRefused ? REFUSED : candidate.obstacle()));
        untold.forEach(candidate -> end(candidate, isRefused ? REFUSED : null));
        untold.clear();
        result.done();
    }

    /** @param reason {@code null} if only the new process has no room for it */
    private void end(Candidate candidate, @Nullable String reason) {
        if (candidate.channel().isActive()) {
            stays(candidate, reason == null ? NO_ROOM : reason);
        } else {
            giveBack(candidate);
            result.closed(candidate);
        }
    }

    private void endOrGoOn() {
        if (settled.isEmpty() && waiting.isEmpty() && untold.isEmpty()) {
            over = true;
            result.done();
        } else if (!looking) {
            looking = true;
            loop.schedule(this::lookAgain, nextLook.toMillis(), MILLISECONDS);
            Duration twice = nextLook.multipliedBy(2);
            nextLook = twice.compareTo(LONGEST_LOOK) < 0 ? twice : LONGEST_LOOK;
        }
    }

    private void lookAgain() {
        looking = false;
        waiting.forEach(this::enqueue);
        waiting.clear();
        again();
    }
}
