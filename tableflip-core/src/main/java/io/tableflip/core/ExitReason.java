package io.tableflip.core;

/**
 * Why a process leaves. What the new process has registered in a shared place (service discovery, a load
 * balancer) must not be taken away again by the old one: deregister only when the service is
 * {@link #STOPPED}.
 */
public enum ExitReason {
    /** A newer process is the service now. */
    UPGRADED,
    /** The service was stopped; it has no successor. */
    STOPPED
}
