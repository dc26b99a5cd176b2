package io.tableflip.core.observe;

import io.tableflip.core.UpgradeException;
import io.tableflip.core.observe.UpgradeRecord.Result;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Remembers the last upgrades that this process was asked for. Thread-safe. */
public final class UpgradeHistory implements Observer {
    /** Enough for whoever waits for the result of one to find it, however many others ask meanwhile. */
    private static final int KEPT = 16;

    private final Deque<UpgradeRecord> ended = new ArrayDeque<>();
    private long count;
    private long runningNumber;
    private @Nullable Instant runningSince;
    private long runningBegan;
    private long child;
    private String warnings = "";
    private @Nullable UpgradeRecord deferred;

    @Override
    public synchronized void upgradeDeferred(UpgradeException reason) {
        count++;
        deferred = new UpgradeRecord(
                count, Instant.now(), Duration.ZERO, Result.DEFERRED, 0, String.valueOf(reason.getMessage()));
    }

    @Override
    public synchronized void upgradeBegan() {
        if (deferred == null) {
            count++;
            runningNumber = count;
        } else {
            runningNumber = deferred.number();
            deferred = null;
        }
        runningSince = Instant.now();
        runningBegan = System.nanoTime();
        child = 0;
        warnings = "";
    }

    @Override
    public synchronized void upgradeWarning(String warning) {
        warnings = warnings.isEmpty() ? warning : warnings + "; " + warning;
    }

    @Override
    public synchronized void spawned(long pid) {
        child = pid;
    }

    @Override
    public synchronized void upgradeRefused(UpgradeException reason) {
        count++;
        keep(new UpgradeRecord(
                count, Instant.now(), Duration.ZERO, Result.REFUSED, 0, String.valueOf(reason.getMessage())));
    }

    @Override
    public synchronized void upgradeFailed(UpgradeException reason) {
        end(Result.FAILED, String.valueOf(reason.getMessage()));
    }

    @Override
    public synchronized void upgraded(long pid) {
        end(Result.UPGRADED, warnings);
    }

    private void end(Result result, String message) {
        running(result, message).ifPresent(this::keep);
        runningSince = null;
    }

    private Optional<UpgradeRecord> running(Result result, String message) {
        return Optional.ofNullable(runningSince)
                .map(since -> new UpgradeRecord(
                        runningNumber,
                        since,
                        Duration.ofNanos(System.nanoTime() - runningBegan),
                        result,
                        child,
                        message));
    }

    private void keep(UpgradeRecord record) {
        ended.addLast(record);
        if (ended.size() > KEPT) {
            ended.removeFirst();
        }
    }

    /** How many upgrades were requested of this process. */
    public synchronized long count() {
        return count;
    }

    /**
     * Those that have ended, in the order of their ends, then the one that runs and the one that was
     * deferred.
     */
    public synchronized List<UpgradeRecord> records() {
        List<UpgradeRecord> all = new ArrayList<>(ended);
        running(Result.RUNNING, warnings).ifPresent(all::add);
        Optional.ofNullable(deferred).ifPresent(all::add);
        return List.copyOf(all);
    }

    /** The one that runs, or else the one that was deferred, or else the one that ended last. */
    synchronized Optional<UpgradeRecord> last() {
        return running(Result.RUNNING, warnings)
                .or(() -> Optional.ofNullable(deferred))
                .or(() -> Optional.ofNullable(ended.peekLast()));
    }
}
