package io.tableflip.examples;

import java.util.Map;

/**
 * What a {@link StrictLoad} has seen so far. Immutable.
 *
 * @param answered requests that got the complete and right response
 * @param failures failures by kind; a kind that has not occurred is not in it
 * @param idleEofs connections that the server closed while nothing was under way on them; no failure
 * @param told responses that said {@code Connection: close} on a connection that the client would have kept
 * @param connects connections that were made
 * @param byServer answered requests by the process that answered, in the order in which the processes appeared
 */
public record LoadCounts(
        long answered,
        Map<FailureKind, Long> failures,
        long idleEofs,
        long told,
        long connects,
        Map<ServerId, Long> byServer) {

    /** All failures. */
    public long failed() {
        return failures.values().stream().mapToLong(Long::longValue).sum();
    }

    /** All requests that have an outcome. */
    public long requests() {
        return answered + failed() - failures.getOrDefault(FailureKind.IDLE_BROKEN, 0L);
    }
}
