package io.tableflip.core.observe;

import java.time.Duration;
import java.time.Instant;

/**
 * One upgrade that was requested of this process, as it stands.
 *
 * @param number of the requests to this process, the refused ones included: 1, 2, 3 and so on; of several
 *     that were deferred to one upgrade, the number of the last
 * @param began when it began, or was requested if it is deferred
 * @param took until the result, or until now
 * @param pid of the child; 0 as long as there is none
 * @param message why it was deferred or refused, or has failed; otherwise a warning for the operator, or
 *     empty
 */
public record UpgradeRecord(long number, Instant began, Duration took, Result result, long pid, String message) {
    /** What has become of it. */
    public enum Result {
        /** It begins when what stands in its way is over, in this process or in the one that replaces it. */
        DEFERRED,
        RUNNING,
        UPGRADED,
        REFUSED,
        FAILED
    }
}
