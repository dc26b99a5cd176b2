package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import io.tableflip.core.observe.FlightEvents;
import io.tableflip.core.observe.Management;
import io.tableflip.core.observe.Observer;
import io.tableflip.core.observe.Observers;
import io.tableflip.core.observe.SdNotify;
import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.observe.UpgradeHistory;
import io.tableflip.core.os.PidFile;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who is notified of this process's life, and the files that describe it. */
final class Reporting {
    private static final System.Logger LOG = Log.get();

    /** The kernel tells times to all programs in hundredths of a second. */
    private static final long MILLIS_OF_TICK = 10;

    private final Context context;
    private final Observers observers;
    private final ProcFs proc;
    private final Parent parent;
    private final UpgradeHistory history = new UpgradeHistory();
    private final ServiceFiles files;
    private final long built = System.nanoTime();
    private volatile Instant servingSince = Instant.now();

    Reporting(Context context, ProcFs proc, Parent parent) {
        this.context = context;
        observers = context.observers();
        this.proc = proc;
        this.parent = parent;
        observers.add(history); // before those that read it
        files = files(context.settings().pidFile());
    }

    private ServiceFiles files(@Nullable Path path) {
        if (path == null) {
            return new ServiceFiles(null, null, proc, context.pid(), parent.pid());
        }
        StatusFile statusFile = new StatusFile(path, context.pid(), this::status);
        observers.add(statusFile);
        return new ServiceFiles(new PidFile(path, context.pid()), statusFile, proc, context.pid(), parent.pid());
    }

    /** Notifies systemd, if this is a service of systemd's. */
    void toSystemd(Map<String, String> environment, NativeCode nativeCode) {
        SdNotify.address(environment)
                .ifPresent(address -> observers.add(new SdNotify(
                        message -> nativeCode.sendDatagram(address, message),
                        observers::later,
                        System::nanoTime,
                        parent.exists(),
                        context.generation(),
                        context.settings().upgradeTimeout())));
    }

    /** Shows it by the instruments of the JVM, as far as it has them. */
    void toJvm() {
        if (FlightEvents.isPossible()) {
            observers.add(new FlightEvents(context.generation(), parent.pid(), this::millisSinceStart));
        }
        if (Management.isPossible()) {
            observers.add(new Management(
                    observers::later,
                    () -> context.phase().state(),
                    context.generation(),
                    history,
                    parent.pid(),
                    () -> !parent.isProcessGone()));
        }
    }

    ServiceFiles files() {
        return files;
    }

    /** This process is the service. */
    void serving() {
        servingSince = Instant.now();
        observers.tell(Observer::serving);
    }

    /** How long it has been the service. */
    String servedMillis() {
        return Long.toString(Duration.between(servingSince, Instant.now()).toMillis());
    }

    /**
     * How old this process is, to 10 ms, as the kernel counts; where the kernel hides that (ProcSubset=pid of
     * a systemd unit), the time since the upgrader was built.
     */
    long millisSinceStart() {
        try {
            return Math.max(0, proc.uptimeMillis() - startTime() * MILLIS_OF_TICK);
        } catch (IOException | NumberFormatException e) {
            LOG.log(DEBUG, "the time since this process was started", e);
            return Duration.ofNanos(System.nanoTime() - built).toMillis();
        }
    }

    /** The status of the service, as long as this process is it. */
    private ServiceStatus status() {
        return new ServiceStatus(
                context.pid(),
                startTime(),
                context.generation(),
                servingSince,
                parent.pid(),
                parent.isProcessGone(),
                context.phase().state().toString().toLowerCase(Locale.ROOT).replace('_', ' '),
                context.settings().upgradeOn(),
                history.count(),
                history.records(),
                null);
    }

    private long startTime() {
        try {
            return proc.startTime(context.pid()).orElse(0L);
        } catch (IOException e) {
            LOG.log(DEBUG, "the time at which this process was started", e);
            return 0;
        }
    }
}
