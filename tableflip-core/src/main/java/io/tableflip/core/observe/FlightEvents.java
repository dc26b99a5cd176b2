package io.tableflip.core.observe;

import io.tableflip.core.DrainReport;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.observe.UpgradeRecord.Result;
import java.util.function.LongSupplier;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/**
 * Events for the JDK's flight recorder: that this process serves, each upgrade with its steps and its result,
 * each drain with its counts, the end of the parent.
 *
 * <p>Nothing is made before somebody records, once, in this JVM: to load the class of one event costs some
 * 200 ms of processor time, just when this process has begun to serve.
 */
public final class FlightEvents implements Observer {
    private static final String CATEGORY = "tableflip";

    private final LongSupplier millisSinceStart;
    private final int generation;
    private final long parentPid;
    private @Nullable UpgradeEvent upgrade;
    private @Nullable DrainEvent drain;

    /** @param parentPid 0 without a parent */
    public FlightEvents(int generation, long parentPid, LongSupplier millisSinceStart) {
        this.millisSinceStart = millisSinceStart;
        this.generation = generation;
        this.parentPid = parentPid;
    }

    /** Whether this JVM can. */
    public static boolean isPossible() {
        return ModuleLayer.boot().findModule("jdk.jfr").isPresent();
    }

    private static boolean isOff() {
        return !FlightRecorder.isInitialized();
    }

    @Name("io.tableflip.Serving")
    @Label("Serving")
    @Description("This process is the service")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class ServingEvent extends Event {
        @Label("Generation")
        int generation;

        @Label("Parent")
        @Description("The process that has spawned this one; 0 if there was none")
        long parentPid;

        @Label("Since Start")
        @Description("Since the process was started")
        @Timespan(Timespan.MILLISECONDS)
        long sinceStart;
    }

    @Name("io.tableflip.ParentExited")
    @Label("Parent Exited")
    @Description("The process that has spawned this one has gone: an upgrade is possible again")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class ParentExitedEvent extends Event {
        @Label("Parent")
        long parentPid;
    }

    @Name("io.tableflip.Upgrade")
    @Label("Upgrade")
    @Description("An upgrade, from the call or signal to its result")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class UpgradeEvent extends Event {
        @Label("Generation")
        @Description("Of the child")
        int generation;

        @Label("Child")
        @Description("The process that was spawned; 0 if it has come to none")
        long childPid;

        @Label("Result")
        @Description("UPGRADED, REFUSED or FAILED")
        String result = "";

        @Label("Message")
        @Description("Why it was refused or has failed")
        String message = "";
    }

    @Name("io.tableflip.UpgradeStep")
    @Label("Upgrade Step")
    @Description("A step of an upgrade in the process that is replaced")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class StepEvent extends Event {
        @Label("Step")
        @Description("spawned, takeover (the child accepts), commit (the child is the service)")
        String step = "";

        @Label("Child")
        long childPid;
    }

    @Name("io.tableflip.Drain")
    @Label("Drain")
    @Description("This process has finished its connections; a drain that was rolled back is not told")
    @Category(CATEGORY)
    @StackTrace(false)
    static final class DrainEvent extends Event {
        @Label("Connections")
        long connections;

        @Label("Transferred")
        @Description("Go on in the new process")
        long transferred;

        @Label("Finished")
        @Description("Ended before the timeout")
        long finished;

        @Label("Idle")
        @Description("Closed at the timeout with nothing under way")
        long idle;

        @Label("Forced")
        @Description("Cut off at the timeout with work under way")
        long forced;

        @Label("Notified")
        @Description("Asked to leave in the words of their protocol")
        long notified;
    }

    @Override
    public void serving() {
        if (isOff()) {
            return;
        }
        ServingEvent event = new ServingEvent();
        event.generation = generation;
        event.parentPid = parentPid;
        event.sinceStart = millisSinceStart.getAsLong();
        event.commit();
    }

    @Override
    public void parentExited() {
        if (isOff()) {
            return;
        }
        ParentExitedEvent event = new ParentExitedEvent();
        event.parentPid = parentPid;
        event.commit();
    }

    @Override
    public void upgradeBegan() {
        if (isOff()) {
            return;
        }
        UpgradeEvent event = new UpgradeEvent();
        event.generation = generation + 1;
        event.begin();
        upgrade = event;
    }

    @Override
    public void upgradeRefused(UpgradeException reason) {
        if (isOff()) {
            return;
        }
        UpgradeEvent event = new UpgradeEvent();
        event.generation = generation + 1;
        end(event, Result.REFUSED, reason);
    }

    @Override
    public void spawned(long pid) {
        if (upgrade != null) {
            upgrade.childPid = pid;
        }
        step("spawned", pid);
    }

    @Override
    public void takenOver(long pid) {
        step("takeover", pid);
    }

    @Override
    public void upgraded(long pid) {
        step("commit", pid);
        end(upgrade, Result.UPGRADED, null);
        upgrade = null;
    }

    @Override
    public void upgradeFailed(UpgradeException reason) {
        end(upgrade, Result.FAILED, reason);
        upgrade = null;
        drain = null;
    }

    private static void step(String name, long pid) {
        if (isOff()) {
            return;
        }
        StepEvent event = new StepEvent();
        event.step = name;
        event.childPid = pid;
        event.commit();
    }

    private static void end(@Nullable UpgradeEvent event, Result result, @Nullable UpgradeException reason) {
        if (event != null) {
            event.result = result.toString();
            event.message = reason == null ? "" : String.valueOf(reason.getMessage());
            event.commit();
        }
    }

    @Override
    public void drainBegan() {
        if (isOff()) {
            return;
        }
        drain = new DrainEvent();
        drain.begin();
    }

    @Override
    public void drained(DrainReport report) {
        if (drain != null) {
            drain.connections = report.total();
            drain.transferred = report.transferred();
            drain.finished = report.finished();
            drain.idle = report.idle();
            drain.forced = report.forced();
            drain.notified = report.notified();
            drain.commit();
            drain = null;
        }
    }
}
