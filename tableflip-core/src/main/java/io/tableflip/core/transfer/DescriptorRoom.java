package io.tableflip.core.transfer;

import io.tableflip.core.os.ProcFs;
import java.io.IOException;

/**
 * How many descriptors this process may still open. To count them costs a millisecond with 10,000 of them.
 * Thread-safe.
 */
public final class DescriptorRoom {
    /** For what this process accepts itself meanwhile, and for its files. */
    private static final int RESERVE = 64;

    /** So many may be opened without counting. */
    private static final int UNCOUNTED = 256;

    private final ProcFs proc;
    // guarded by this
    private long limit = -1;
    private long open;
    private int since;

    public DescriptorRoom(ProcFs proc) {
        this.proc = proc;
    }

    /** One more is open. */
    synchronized void opened() {
        open++;
        since++;
    }

    /** Those that can be opened, but for a reserve. */
    synchronized int free() throws IOException {
        if (limit < 0 || since >= UNCOUNTED || limit - open < RESERVE + UNCOUNTED) {
            int counted = proc.openFds().size(); // fails if there is no room even for that
            limit = proc.limit("Max open files").map(most -> most.soft()).orElse(Long.MAX_VALUE);
            open = counted;
            since = 0;
        }
        return (int) Math.max(0, Math.min(Integer.MAX_VALUE, limit - open - RESERVE));
    }
}
