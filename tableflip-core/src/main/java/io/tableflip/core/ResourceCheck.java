package io.tableflip.core;

/**
 * What happens when there may not be enough resources for two processes. For the time of an upgrade the
 * parent and the child share one limit of each of these:
 *
 * <ul>
 *   <li><b>Memory</b>, in bytes: the limits of this process's cgroup and of those above it, and what the
 *       machine has. The child may take its largest heap, by its command line and environment, and as much
 *       besides as this process has besides its heap. When two heaps do not fit, the kernel kills one of the
 *       processes, or all of the cgroup.
 *   <li><b>Threads</b>: {@code pids.max} of the same cgroups, and RLIMIT_NPROC of the user. The child may
 *       need as many threads as this process has. Beyond the limit neither process can start one.
 *   <li><b>Descriptors</b>: RLIMIT_NOFILE. An upgrade opens pipes, files and duplicates in this process. The
 *       child inherits the limit, and may need as many descriptors as this process has open.
 * </ul>
 *
 * <p>Files of the system that are missing or make no sense count as no limit.
 */
public enum ResourceCheck {
    /** Nothing: no resource is looked at. */
    OFF,
    /**
     * A warning with the figures, and the upgrade goes on. A child seldom fills its heap while the parent is
     * there.
     */
    WARN,
    /**
     * The upgrade fails with {@link UpgradeException.Reason#NOT_ENOUGH_RESOURCES} and the figures before the
     * child is started, and this process serves on. For a soft limit ({@code memory.high}), which slows
     * processes down and kills none, there is a warning only.
     */
    REFUSE
}
