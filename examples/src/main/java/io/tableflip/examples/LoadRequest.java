package io.tableflip.examples;

/** One request of the load: what to ask for and when. Not thread-safe. */
final class LoadRequest {
    /**
     * What a request asks for.
     *
     * @param path path and query
     * @param lines how many lines of the server's description of itself the answer has
     * @param delayNanos how long the answer takes because the request wants it so
     */
    record Kind(String path, int lines, long delayNanos) {}

    private final Kind kind;
    private final boolean onNewConnection;
    private final long intended;
    private boolean over;

    LoadRequest(Kind kind, boolean onNewConnection, long intended) {
        this.kind = kind;
        this.onNewConnection = onNewConnection;
        this.intended = intended;
    }

    Kind kind() {
        return kind;
    }

    boolean onNewConnection() {
        return onNewConnection;
    }

    /** When it should be sent, on the scale of {@link System#nanoTime}. */
    long intended() {
        return intended;
    }

    boolean over() {
        return over;
    }

    /** Notes that this request has its outcome; it must get exactly one. */
    void end() {
        if (over) {
            throw new IllegalStateException("a request with two outcomes");
        }
        over = true;
    }
}
