package io.tableflip.examples;

/** What a client can see go wrong. Each failed request is counted once, under the first kind that was seen. */
public enum FailureKind {
    /** The connection could not be made: nobody listens there, or the address cannot be reached. */
    REFUSED("refused"),
    /** The connection was reset: while it was made, before the response or within it. */
    RESET("reset"),
    /** The request was sent, and the server closed the connection before the first byte of the response. */
    EOF("EOF in flight"),
    /** The server closed the connection within the response. */
    PARTIAL("partial response"),
    /** No complete response within the timeout, which runs from the intended time of sending. */
    TIMEOUT("timeout"),
    /** A status other than 200, or bytes that are not the response they should be. */
    BAD("bad response"),
    /** An idle connection was reset, or got bytes that nobody had asked for. No request was lost by it. */
    IDLE_BROKEN("idle connection broken"),
    /** This client could not send: it has run out of ports or descriptors. Not the server's fault, but no success either. */
    CLIENT("client exhausted");

    private final String label;

    FailureKind(String label) {
        this.label = label;
    }

    /** The words for a table. */
    public String label() {
        return label;
    }
}
