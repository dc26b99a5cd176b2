package io.tableflip.core.observe;

import java.time.Duration;
import java.time.Instant;

/**
 * One upgrade that this process was asked for, as it stands.
 *
 * @param number of the requests to this process, the refused ones included: 1, 2, 3 and so on
 * @param took until the result, or until now
 * @param pid of the child; 0 as long as there is none
 * @param message why it was refused or has failed; empty otherwise
 */
public record UpgradeRecord(long number, Instant began, Duration took, Result result, long pid, String message) {
    /** What has become of it. */
    public enum Result {
        RUNNING,
        UPGRADED,
        REFUSED,
        FAILED
    }
}
