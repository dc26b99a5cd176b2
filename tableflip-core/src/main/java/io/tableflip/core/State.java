package io.tableflip.core;

/**
 * Where a process stands in its life. One thread of the {@link Upgrader} makes every move; a move that is not
 * in the table of moves is a bug in this library and is rejected.
 *
 * <pre>
 * INITIALIZING ──▶ SERVING ──▶ STARTING ──▶ DRAINING ──▶ COMMITTING ──▶ LINGERING ──▶ EXITING
 *       └─▶ TAKING_OVER ─┘ ▲        └────────────┴────────────┘
 *                          └──────────────── rolled back
 * any state before LINGERING ──▶ STOPPING ──▶ EXITING
 * </pre>
 */
public enum State {
    /** The upgrader is built, {@link Upgrader#ready()} has not been called: nothing is accepted. */
    INITIALIZING,
    /**
     * {@code ready()} was called, this process accepts, and its parent is draining: it can still take the
     * service back.
     */
    TAKING_OVER,
    /** This process is the service. The only state in which an upgrade can begin. */
    SERVING,
    /** A child was spawned and initialises. This process serves as if nothing had happened. */
    STARTING,
    /** The child accepts; this process does not, and drains. It can still take the service back. */
    DRAINING,
    /** The child was told that it may commit. Until it has, this process can still take the service back. */
    COMMITTING,
    /** The child is the service. This process finishes the connections it already had. */
    LINGERING,
    /** Stopped for good: this process finishes the connections it already had and has no successor. */
    STOPPING,
    /** Nothing is left to do: {@link Upgrader#exit()} is complete and the process should end. */
    EXITING
}
