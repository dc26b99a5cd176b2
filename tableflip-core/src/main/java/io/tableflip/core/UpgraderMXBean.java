package io.tableflip.core;

/**
 * What the upgrader of this process shows to JMX, under the name {@code io.tableflip:type=Upgrader}. It is
 * there once the process has begun to serve and somebody uses JMX in this JVM, a second later at most; not
 * where the JVM has no {@code java.management} module. It can be read only: whoever may connect to JMX cannot
 * upgrade or stop the process by it. During an upgrade both processes have one. Thread-safe.
 */
public interface UpgraderMXBean {
    /** {@link Upgrader#state()}. */
    State getState();

    /** {@link Upgrader#generation()}. */
    int getGeneration();

    /** The id of this process. */
    long getPid();

    /** The id of the process that has spawned this one; 0 if there was none. */
    long getParentPid();

    /** Whether that process has not ended yet. As long as it is there no upgrade is possible. */
    boolean isParentRunning();

    /**
     * How many connections (or jobs) have not ended, of those that this process is draining; 0 when it does
     * not drain.
     */
    int getConnectionsDraining();

    /** How many upgrades were requested of this process, the refused ones included. */
    long getUpgradesRequested();

    /**
     * What became of the last upgrade, or stands with the one that runs: {@code NONE}, {@code DEFERRED},
     * {@code RUNNING}, {@code UPGRADED}, {@code REFUSED}, {@code FAILED}.
     */
    String getLastUpgradeResult();

    /** Why it was deferred or refused, or has failed, or what was warned of; empty otherwise. */
    String getLastUpgradeMessage();

    /** When it began, in milliseconds since 1970-01-01T00:00Z; 0 if there was none. */
    long getLastUpgradeTime();

    /** How long it took, in milliseconds, or has taken until now. */
    long getLastUpgradeMillis();

    /** The id of the process that it has spawned; 0 if it has come to none. */
    long getLastUpgradePid();
}
