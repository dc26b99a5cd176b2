package io.tableflip.netty.transfer;

import static java.util.Objects.requireNonNull;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The connection is about to be transferred: it is not read any more, and what handlers write from now on
 * delays it. Handlers may add state of their own, postpone the transfer, or refuse it. On the event loop of
 * the connection, except for {@link Postponement#end}.
 */
public final class Leaving implements TransferEvent {
    private final Executor loop;
    private final Runnable changed;
    private final Map<String, byte[]> states = new LinkedHashMap<>();
    private int postponements;
    private @Nullable String refusal;

    /**
     * @param loop of the connection
     * @param changed runs on it when a postponement has ended
     */
    Leaving(Executor loop, Runnable changed) {
        this.loop = loop;
        this.changed = changed;
    }

    /**
     * Adds state that goes to the new process with the connection, where {@link TransferredConnection#state}
     * has it. The last value for a name counts. All that travels with one connection may have 60 KiB.
     *
     * @param name distinguishes the handlers of one pipeline; the new release must know it
     * @param value is not copied
     */
    public void state(String name, byte[] value) {
        states.put(requireNonNull(name), requireNonNull(value));
    }

    /**
     * Delays the transfer until {@link Postponement#end}: an answer is being computed on another thread, for
     * example. Half of the drain timeout later the connection is drained instead.
     */
    public Postponement postpone() {
        postponements++;
        return new Postponement();
    }

    /**
     * Keeps the connection in this process, where it is drained.
     *
     * @param reason a short name, by which the report of the drain counts it
     */
    public void refuse(String reason) {
        refusal = requireNonNull(reason);
    }

    Map<String, byte[]> states() {
        return states;
    }

    boolean isPostponed() {
        return postponements > 0;
    }

    @Nullable
    String refusal() {
        return refusal;
    }

    /** One reason to wait. Thread-safe. */
    public final class Postponement {
        private boolean ended; // guarded by this

        private Postponement() {}

        /**
         * The connection may be transferred now, after what this thread has written. State may still be added
         * before this call.
         */
        public void end() {
            synchronized (this) {
                if (ended) {
                    return;
                }
                ended = true;
            }
            // behind the writes of this thread, which are tasks of the loop too
            loop.execute(() -> {
                postponements--;
                changed.run();
            });
        }
    }
}
