package io.tableflip.core.observe;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.DrainReport;
import io.tableflip.core.State;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgraderMXBean;
import io.tableflip.core.log.Log;
import io.tableflip.core.observe.UpgradeRecord.Result;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;

/**
 * Shows this process to JMX, if anybody looks: as soon as there is a server of beans in this JVM. To make one
 * costs some 200 ms of processor time, just when this process has begun to serve.
 */
public final class Management implements Observer, UpgraderMXBean {
    static final String NAME = "io.tableflip:type=Upgrader";

    private static final System.Logger LOG = Log.get();
    /** How often to look whether there is a server; costs next to nothing. */
    private static final Duration LOOK = Duration.ofSeconds(1);

    private static final UpgradeRecord NO_UPGRADE =
            new UpgradeRecord(0, Instant.EPOCH, Duration.ZERO, Result.RUNNING, 0, "");

    private final BiConsumer<Duration, Runnable> later;
    private final Supplier<State> state;
    private final int generation;
    private final UpgradeHistory history;
    private final long parentPid;
    private final BooleanSupplier parentRunning;
    private volatile IntSupplier draining = () -> 0;

    /**
     * @param later does something after a while, on the thread that calls this object
     * @param parentPid 0 without a parent
     */
    public Management(
            BiConsumer<Duration, Runnable> later,
            Supplier<State> state,
            int generation,
            UpgradeHistory history,
            long parentPid,
            BooleanSupplier parentRunning) {
        this.later = later;
        this.state = state;
        this.generation = generation;
        this.history = history;
        this.parentPid = parentPid;
        this.parentRunning = parentRunning;
    }

    /** Whether this JVM can. */
    public static boolean isPossible() {
        return ModuleLayer.boot().findModule("java.management").isPresent();
    }

    @Override
    public void serving() {
        if (MBeanServerFactory.findMBeanServer(null).isEmpty()) {
            later.accept(LOOK, this::serving);
        } else {
            register();
        }
    }

    private void register() {
        try {
            MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            ObjectName name = new ObjectName(NAME);
            if (server.isRegistered(name)) {
                server.unregisterMBean(name); // of a stub that has ended
            }
            server.registerMBean(this, name);
        } catch (JMException | SecurityException e) {
            LOG.log(WARNING, "JMX will not show this process (" + NAME + ")", e);
        }
    }

    @Override
    public void draining(IntSupplier left, Instant ends) {
        draining = left;
    }

    @Override
    public void drained(DrainReport report) {
        draining = () -> 0;
    }

    @Override
    public void upgradeFailed(UpgradeException reason) {
        draining = () -> 0;
    }

    @Override
    public State getState() {
        return state.get();
    }

    @Override
    public int getGeneration() {
        return generation;
    }

    @Override
    public long getPid() {
        return ProcessHandle.current().pid();
    }

    @Override
    public long getParentPid() {
        return parentPid;
    }

    @Override
    public boolean isParentRunning() {
        return parentRunning.getAsBoolean();
    }

    @Override
    public int getConnectionsDraining() {
        return draining.getAsInt();
    }

    @Override
    public long getUpgradesRequested() {
        return history.count();
    }

    @Override
    public String getLastUpgradeResult() {
        return history.last().map(upgrade -> upgrade.result().toString()).orElse("NONE");
    }

    @Override
    public String getLastUpgradeMessage() {
        return last().message();
    }

    @Override
    public long getLastUpgradeTime() {
        return last().began().toEpochMilli();
    }

    @Override
    public long getLastUpgradeMillis() {
        return last().took().toMillis();
    }

    @Override
    public long getLastUpgradePid() {
        return last().pid();
    }

    private UpgradeRecord last() {
        Optional<UpgradeRecord> last = history.last();
        return last.orElse(NO_UPGRADE);
    }
}
