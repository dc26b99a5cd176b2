package io.tableflip.core;

/**
 * What happens when the child may take more memory than is free under the limits of this process's cgroup, or
 * on the machine. For the time of an upgrade there are two heaps; when they do not fit, the kernel kills one
 * of the two processes, or all of the cgroup.
 *
 * <p>What the child may take is its largest heap, by its command line and environment, and as much besides as
 * this process has besides its heap. Files of the system that are missing or make no sense count as no limit.
 */
public enum MemoryCheck {
    /** Nothing: it is not looked at. */
    OFF,
    /**
     * A warning with the figures, and the upgrade goes on. A child seldom fills its heap while the parent is
     * there.
     */
    WARN,
    /**
     * The upgrade fails with {@link UpgradeException.Reason#NOT_ENOUGH_MEMORY} and the figures, and this
     * process serves on. For a soft limit ({@code memory.high}), which slows processes down and kills none,
     * there is a warning only.
     */
    REFUSE
}
