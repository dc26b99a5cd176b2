package io.tableflip.core;

import static java.lang.System.Logger.Level.DEBUG;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who is told of this process's life, and the files in which it stands. */
final class Reporting {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** The kernel tells times to all programs in hundredths of a second. */
    private static final long MILLIS_OF_TICK = 10;

    private final Lifecycle life;
    private final ProcFs proc;
    private final @Nullable ParentLink parent;
    private final Observers observers;
    private final UpgradeHistory history = new UpgradeHistory();
    private final ServiceFiles files;
    private volatile Instant servingSince = Instant.now();

    /** @param parent {@code null} in the first generation */
    Reporting(Lifecycle life, ProcFs proc, @Nullable ParentLink parent) {
        this.life = life;
        this.proc = proc;
        this.parent = parent;
        observers = new Observers(
                life.settings().listener(),
                task -> life.loop().execute(() -> life.loop().schedule(PatientExecutor.RETRY, task)));
        observers.add(history); // before those who read it
        files = files(life.settings().pidFile());
    }

    private ServiceFiles files(@Nullable Path path) {
        if (path == null) {
            return new ServiceFiles(null, null);
        }
        StatusFile statusFile = new StatusFile(path, life.pid(), this::status);
        observers.add(statusFile);
        return new ServiceFiles(new PidFile(path, life.pid()), statusFile);
    }

    /** If this is a service of systemd's. */
    void toSystemd(Map<String, String> environment) {
        SdNotify.address(environment)
                .ifPresent(address -> observers.add(new SdNotify(
                        message -> life.sendDatagram(address, message),
                        observers::later,
                        System::nanoTime,
                        parent != null,
                        life.generation(),
                        life.settings().upgradeTimeout())));
    }

    /** By the instruments of the JVM, as far as it has them. */
    void toJvm() {
        if (FlightEvents.isPossible()) {
            observers.add(new FlightEvents(life.generation(), parentPid(), this::millisSinceStart));
        }
        if (Management.isPossible()) {
            observers.add(new Management(
                    observers::later, life, history, parentPid(), () -> parent != null && !parent.isParentGone()));
        }
    }

    Observers observers() {
        return observers;
    }

    ServiceFiles files() {
        return files;
    }

    /** This process is the service. */
    void serving() {
        servingSince = Instant.now();
        observers.tell(Observer::serving);
    }

    /** Since then. */
    String servedMillis() {
        return Long.toString(Duration.between(servingSince, Instant.now()).toMillis());
    }

    /** How old this process is, to 10 ms, as the kernel counts; 0 if that is not known. */
    long millisSinceStart() {
        try {
            return Math.max(0, proc.uptimeMillis() - startTime() * MILLIS_OF_TICK);
        } catch (IOException | NumberFormatException e) {
            LOG.log(DEBUG, "the time since this process was started", e);
            return 0;
        }
    }

    private long parentPid() {
        return parent == null ? 0 : parent.pid();
    }

    /** Of the service, as long as this process is it. */
    private ServiceStatus status() {
        return new ServiceStatus(
                life.pid(),
                startTime(),
                life.generation(),
                servingSince,
                parentPid(),
                parent == null || parent.isParentGone(),
                life.state().toString().toLowerCase(Locale.ROOT).replace('_', ' '),
                life.settings().upgradeSignals(),
                history.count(),
                history.records());
    }

    private long startTime() {
        try {
            return proc.startTime(life.pid()).orElse(0L);
        } catch (IOException e) {
            LOG.log(DEBUG, "the time at which this process was started", e);
            return 0;
        }
    }
}
