package io.tableflip.examples;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Comparator.comparingLong;

import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The one thread of a load. Everything happens on it, so that there is no order of events in which a failure could be
 * missed or counted twice.
 */
final class LoadEngine {
    private static final long ONE_MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long SLICE = TimeUnit.MICROSECONDS.toNanos(100);

    private final LoadSettings settings;
    private final LoadSchedule schedule;
    private final LoadTally tally;
    private final BodyCheck bodies;
    private final Selector selector;
    private final ByteBuffer readBuffer = ByteBuffer.allocateDirect(64 * 1024);

    /** The kept connections that are not at work, the one that has thought longest first. */
    private final PriorityQueue<LoadConnection> thinking =
            new PriorityQueue<>(comparingLong(LoadConnection::thinksUntil));
    /** Due, and without a connection. */
    private final Deque<LoadRequest> waiting = new ArrayDeque<>();
    /** Those that time out first are first; with requests among them that are over already. */
    private final PriorityQueue<LoadRequest> timeouts = new PriorityQueue<>(comparingLong(this::timesOut));

    private final Map<LoadRequest, LoadConnection> atWork = new HashMap<>();
    private final List<LoadConnection> kept = new ArrayList<>();
    private int helpers;
    /** As many requests as there may be were in flight when there was last a look. */
    private boolean wasFull;

    private volatile boolean stopping;
    private volatile boolean aborted;

    LoadEngine(LoadSettings settings, LoadTally tally, long start) throws IOException {
        this.settings = settings;
        this.tally = tally;
        this.schedule = new LoadSchedule(settings, start);
        this.bodies = new BodyCheck(settings.anyBody());
        this.selector = Selector.open();
        for (int i = 0; i < settings.connections(); i++) {
            kept.add(new LoadConnection(this, i));
        }
        thinking.addAll(kept);
    }

    SocketAddress target() {
        return settings.target();
    }

    Selector selector() {
        return selector;
    }

    LoadTally tally() {
        return tally;
    }

    /** An empty buffer; what was in it before is gone. */
    ByteBuffer readBuffer() {
        return readBuffer.clear();
    }

    /** Sends no more requests; {@link #run} returns when those under way have their outcome. */
    void stop() {
        stopping = true;
        selector.wakeup();
    }

    /** Makes {@link #run} return at once. */
    void abort() {
        aborted = true;
        stop();
    }

    void run() throws IOException {
        try {
            while (!isOver()) {
                sendDue();
                expire();
                await();
                selector.selectedKeys().forEach(key -> ((LoadConnection) key.attachment()).selected());
                selector.selectedKeys().clear();
            }
        } finally {
            close();
        }
    }

    /** Checks the response to a request and counts it. */
    ServerId checked(LoadRequest request, ResponseParser response) throws BadResponseException {
        if (response.status() != 200) {
            throw new BadResponseException("status " + response.status());
        }
        ServerId server = bodies.check(request.kind(), response.body());
        tally.answered(request, System.nanoTime(), server);
        return server;
    }

    /** The request that was under way on this connection has its outcome. */
    void released(LoadConnection connection, LoadRequest request) {
        atWork.remove(request);
        if (!connection.isKept()) {
            helpers -= request.onNewConnection() ? 0 : 1;
            return;
        }
        connection.thinkUntil(System.nanoTime() + schedule.think(connection.number()));
        thinking.add(connection);
    }

    private boolean isOver() {
        return aborted || (!sends() && atWork.isEmpty() && waiting.isEmpty());
    }

    private boolean isFull() {
        return atWork.size() + waiting.size() >= settings.maxInFlight();
    }

    private boolean sends() {
        return !stopping && schedule.hasNext();
    }

    private void sendDue() {
        long now = System.nanoTime();
        if (wasFull) {
            schedule.postponeTo(now); // what was due meanwhile is not made up for
        }
        while (sends() && !isFull() && schedule.due() - now <= 0) {
            tally.slipped(now - schedule.due());
            LoadRequest request = schedule.next();
            timeouts.add(request);
            if (request.onNewConnection()) {
                send(request, new LoadConnection(this, -1));
            } else {
                waiting.add(request);
            }
        }
        while (!waiting.isEmpty() && hasConnection(now)) {
            send(waiting.remove(), isReady(now) ? thinking.remove() : helper());
        }
        wasFull = isFull();
    }

    /**
     * If all kept connections are at work or think, there are as many helpers for one request each: no thought is cut
     * short. But not more: a server that is late is not to be buried under new connections.
     */
    private boolean hasConnection(long now) {
        return isReady(now) || (settings.helpers() && helpers < kept.size());
    }

    private boolean isReady(long now) {
        return !thinking.isEmpty() && thinking.element().thinksUntil() - now <= 0;
    }

    private LoadConnection helper() {
        helpers++;
        return new LoadConnection(this, -1);
    }

    private void send(LoadRequest request, LoadConnection connection) {
        atWork.put(request, connection);
        String text = "GET " + request.kind().path() + " HTTP/1.1\r\nHost: " + settings.host() + "\r\n"
                + (connection.isKept() ? "" : "Connection: close\r\n") + "\r\n";
        connection.send(request, ByteBuffer.wrap(text.getBytes(US_ASCII)));
    }

    private void expire() {
        long now = System.nanoTime();
        for (LoadRequest first = timeouts.peek(); first != null; first = timeouts.peek()) {
            if (!first.over() && timesOut(first) - now > 0) {
                return;
            }
            timeouts.remove();
            if (!first.over()) {
                timeOut(first, now);
            }
        }
    }

    private void timeOut(LoadRequest request, long now) {
        LoadConnection connection = atWork.get(request);
        if (connection != null) {
            connection.timeOut(request);
        } else {
            waiting.remove(request);
            tally.failed(request, now, FailureKind.TIMEOUT, "while every connection was busy");
        }
    }

    private long timesOut(LoadRequest request) {
        return request.intended()
                + settings.timeout().toNanos()
                + request.kind().delayNanos();
    }

    /** Waits for the network or for the next thing to do, not at all if nothing is left to do. */
    private void await() throws IOException {
        if (isOver()) {
            return;
        }
        long now = System.nanoTime();
        // There is a next thing: every request that is under way stands among the timeouts.
        long wait = sends() && !isFull() ? schedule.due() - now : Long.MAX_VALUE;
        if (!timeouts.isEmpty()) {
            wait = Math.min(wait, timesOut(timeouts.element()) - now);
        }
        if (!waiting.isEmpty() && !thinking.isEmpty()) {
            wait = Math.min(wait, thinking.element().thinksUntil() - now);
        }
        if (wait >= ONE_MILLI) {
            selector.select(TimeUnit.NANOSECONDS.toMillis(wait));
            return;
        }
        // A selector counts in milliseconds, which is too coarse to send in time.
        if (selector.selectNow() == 0 && wait > 0) {
            LockSupport.parkNanos(Math.min(wait, SLICE));
            selector.selectNow();
        }
    }

    private void close() throws IOException {
        atWork.values().forEach(LoadConnection::close);
        kept.forEach(LoadConnection::close);
        selector.close();
    }
}
