package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.ExitReason;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.launch.Supervisor;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.resources.Admission;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Begins upgrades, one at a time. A call of {@code upgrade()} that comes at another time is refused with a
 * reason; a request, which comes by a signal and so gets no answer, is kept until an upgrade is possible, by
 * this process or by the child that replaces it. Several requests make one upgrade, since each asks for what
 * is installed when it begins. Only for the thread of the loop.
 */
final class Upgrades {
    private static final System.Logger LOG = Log.get();

    private final Context context;
    private final @Nullable Launcher launcher;
    private final Parent parent;
    private final Parts parts;
    private final Consumer<Handover.Outcome> ended;
    private final Optional<String> supervisor;
    private @Nullable Handover current;
    private @Nullable ExitReason leaving;
    /** An upgrade was requested, and has to wait. */
    private boolean requested;
    /** Passes a request on to the child that is the service. */
    private BooleanSupplier successor = () -> false;

    /** What an upgrade works with. */
    record Parts(
            ProcFs proc,
            NativeCode nativeCode,
            Descriptors fds,
            Participants participants,
            Draining draining,
            ServiceFiles files,
            Admission admission,
            IdleBoot idleBoot,
            Housekeeping housekeeping) {}

    /**
     * @param launcher {@code null} where upgrades are not possible
     * @param ended gets the outcome of each upgrade, on the loop
     */
    Upgrades(
            Context context,
            @Nullable Launcher launcher,
            Parent parent,
            Parts parts,
            Consumer<Handover.Outcome> ended) {
        this.context = context;
        this.launcher = launcher;
        this.parent = parent;
        this.parts = parts;
        this.ended = ended;
        supervisor = findSupervisor();
    }

    /** Whoever has followed the service to a later generation will follow it further. */
    private Optional<String> findSupervisor() {
        Settings settings = context.settings();
        return launcher == null || parent.exists() || !settings.supervisorCheck()
                ? Optional.empty()
                : Supervisor.find(parts.proc, launcher.environment(), context.pid(), settings.pidFile() != null);
    }

    /** Who waits for this process, if that prevents upgrades. On any thread. */
    Optional<String> supervisor() {
        return supervisor;
    }

    /** The upgrade that is in progress. */
    @Nullable
    Handover current() {
        return current;
    }

    /** A signal requests an upgrade: it begins now, or as soon as it can. */
    void request() {
        UpgradeException refusal = refusal();
        if (refusal == null) {
            begin(new CompletableFuture<>());
            return;
        }
        switch (refusal.reason()) {
            case NOT_READY, IN_PROGRESS, PARENT_RUNNING -> defer(refusal);
            case ALREADY_UPGRADED -> passOn(refusal);
            default -> refuse(refusal, new CompletableFuture<>());
        }
    }

    private void defer(UpgradeException reason) {
        requested = true;
        LOG.log(INFO, "upgrade: requested and deferred until it is possible: {0}", reason.getMessage());
        context.observers().tell(observer -> observer.upgradeDeferred(reason));
    }

    private void passOn(UpgradeException reason) {
        if (successor.getAsBoolean()) {
            LOG.log(INFO, "upgrade: requested, and passed on to the new process: {0}", reason.getMessage());
        } else {
            refuse(reason, new CompletableFuture<>());
        }
    }

    /** Begins the upgrade that was deferred, if there is one and nothing stands in its way any more. */
    void beginRequested() {
        if (requested && refusal() == null) {
            LOG.log(INFO, "upgrade: the one that was requested before begins");
            begin(new CompletableFuture<>());
        }
    }

    /**
     * Begins an upgrade; the future completes with the process id of the child when the child is the service.
     */
    void begin(CompletableFuture<Long> result) {
        try {
            UpgradeException refusal = refusal();
            if (refusal == null) {
                spawn(result);
            } else {
                refuse(refusal, result);
            }
        } catch (RuntimeException | Error e) {
            LOG.log(ERROR, "upgrade: failed", e);
            result.completeExceptionally(
                    new UpgradeException(Reason.SPAWN_FAILED, "the upgrade could not begin: " + e, e));
        }
    }

    private @Nullable UpgradeException refusal() {
        if (launcher == null) {
            return refusal(
                    Reason.NOT_SUPPORTED,
                    "no upgrades here: " + context.settings().whyNoUpgrades().orElse("this is a stub"));
        }
        if (supervisor.isPresent()) {
            return refusal(Reason.SUPERVISED, supervisor.get());
        }
        if (parts.files.missing() != null) {
            return refusal(Reason.NOT_SUPPORTED, "the new process would fail too: " + parts.files.missing());
        }
        if (context.state().isJvmEnding()) {
            return refusal(Reason.STOPPING, "the JVM of this process ends");
        }
        Phase phase = context.phase();
        if (phase.isUpgrading()) {
            return refusal(Reason.IN_PROGRESS, "another upgrade is in progress");
        }
        return switch (phase) {
            case INITIALIZING, WARMING_UP, OPENING, ORPHANED, TAKING_OVER ->
                refusal(Reason.NOT_READY, "this process is not ready yet");
            case SERVING ->
                parent.hasExited()
                        ? null
                        : refusal(Reason.PARENT_RUNNING, "the parent has not exited yet (pid " + parent.pid() + ")");
            default ->
                leaving == ExitReason.UPGRADED
                        ? alreadyUpgraded()
                        : refusal(Reason.STOPPING, "this process was told to stop");
        };
    }

    private static UpgradeException alreadyUpgraded() {
        return refusal(Reason.ALREADY_UPGRADED, "a newer process has taken over already");
    }

    private static UpgradeException refusal(Reason reason, String message) {
        return new UpgradeException(reason, message);
    }

    private void refuse(UpgradeException refusal, CompletableFuture<Long> result) {
        LOG.log(WARNING, "upgrade: refused: {0}", refusal.getMessage());
        context.observers().tell(observer -> observer.upgradeRefused(refusal));
        result.completeExceptionally(refusal);
    }

    private void spawn(CompletableFuture<Long> result) {
        requested = false;
        parts.housekeeping.upgradeBegins();
        Os os;
        try {
            os = parts.nativeCode.get();
        } catch (LinkageError e) {
            refuse(
                    new UpgradeException(
                            Reason.NOT_SUPPORTED,
                            "the native code cannot be loaded, is java.io.tmpdir writable and mounted without noexec? "
                                    + e,
                            e),
                    result);
            return;
        }
        parts.idleBoot.makeSelfNormal(os);
        Spawner spawner =
                new Spawner(context, os, requireNonNull(launcher), parts.fds, parts.admission, parts.idleBoot);
        Handover handover = new Handover(
                context, spawner, parts.fds, new Duplicates(os), parts.participants, parts.draining, parts.files);
        current = handover;
        handover.outcome().thenAccept(outcome -> ended(outcome, result)).exceptionally(bug -> {
            LOG.log(ERROR, "a bug in tableflip, please report it", bug);
            return null;
        });
        handover.start();
    }

    private void ended(Handover.Outcome outcome, CompletableFuture<Long> result) {
        current = null;
        if (outcome instanceof Handover.Outcome.Upgraded upgraded) {
            leaving = ExitReason.UPGRADED;
            successor = upgraded.requestUpgrade();
            result.complete((long) upgraded.pid());
            if (requested) {
                passOn(alreadyUpgraded());
            }
        } else if (outcome instanceof Handover.Outcome.Failed failed) {
            parts.housekeeping.warnOfPaths();
            result.completeExceptionally(failed.failure());
        } else if (outcome instanceof Handover.Outcome.Stopped stopped) {
            result.completeExceptionally(new UpgradeException(Reason.STOPPING, stopped.message()));
        }
        ended.accept(outcome);
    }
}
