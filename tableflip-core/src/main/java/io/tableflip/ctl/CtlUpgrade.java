package io.tableflip.ctl;

import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.UpgradeRecord;
import io.tableflip.core.observe.UpgradeRecord.Result;
import io.tableflip.core.os.RequestFile;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Upgrades a service from outside, and finds out what has become of it. A request that has to wait for
 * another upgrade is followed from process to process.
 */
final class CtlUpgrade {
    /** How long a successor has to write its files, once the process has ended. */
    private static final Duration SUCCESSION = Duration.ofSeconds(5);

    private final Duration patience;
    private final Optional<String> signal;
    private final long began = System.nanoTime();
    private final Instant foundAt;

    /** The process that has the request now. */
    private RunningService service;
    /** How many upgrades had been requested of it before. */
    private long before;
    /** An upgrade stands in the way of this one: what ends next is not its result. */
    private boolean waits;
    /** The request was sent to it, or is known to it. */
    private boolean isRequested;

    /** What the service has warned of at its upgrade. */
    private String warning = "";

    private long endedSince;
    private long followedSince;

    /** @param signal empty for the service's own */
    CtlUpgrade(RunningService service, Duration patience, Optional<String> signal) {
        this.service = service;
        this.patience = patience;
        this.signal = signal;
        foundAt = service.foundAt();
        before = service.status().map(ServiceStatus::requests).orElse(0L);
        waits = service.status().stream()
                .flatMap(status -> status.upgrades().stream())
                .anyMatch(upgrade -> upgrade.result() == Result.RUNNING);
    }

    CtlOutcome run() throws CtlOutcome.Ended, InterruptedException {
        send(signalToSend());
        while (elapsed().compareTo(patience) < 0) {
            Optional<CtlOutcome> outcome = look();
            if (outcome.isPresent()) {
                return outcome.get();
            }
            TimeUnit.NANOSECONDS.sleep(RunningService.LOOK.toNanos());
        }
        return new CtlOutcome(CtlOutcome.TIMED_OUT, "not decided within " + Printable.of(patience) + ": " + soFar());
    }

    private Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - began);
    }

    /** A signal that nobody handles would end the service. */
    private String signalToSend() throws CtlOutcome.Ended {
        List<String> signals = service.status().map(ServiceStatus::signals).orElse(List.of());
        if (signal.isPresent()) {
            if (service.status().isPresent() && !signals.contains(signal.get())) {
                throw new CtlOutcome.Ended(
                        CtlOutcome.FAILED,
                        "the service does not upgrade on SIG" + signal.get() + ", and nothing was sent: "
                                + (signals.isEmpty() ? "its program has no upgradeOn(...)" : "it does on " + signals));
            }
            return signal.get();
        }
        if (service.status().isEmpty()) {
            throw new CtlOutcome.Ended(
                    CtlOutcome.FAILED,
                    "there is no status file " + service.statusFile() + " of process " + service.pid()
                            + " that names the signal to upgrade on, and nothing was sent: --signal HUP, if that is it");
        }
        if (signals.isEmpty()) {
            throw new CtlOutcome.Ended(
                    CtlOutcome.FAILED,
                    "the service upgrades on no signal, and nothing was sent: its program has no upgradeOn(...)");
        }
        return signals.get(0);
    }

    private void send(String name) throws CtlOutcome.Ended, InterruptedException {
        try {
            Kill.send(name, service.pid());
        } catch (IOException e) {
            throw new CtlOutcome.Ended(CtlOutcome.FAILED, String.valueOf(e.getMessage()));
        } catch (Kill.Impossible e) {
            leaveRequest(name, e);
        }
        isRequested = true;
    }

    /** A service that has a status file looks for the request itself. */
    private void leaveRequest(String name, Kill.Impossible why) throws CtlOutcome.Ended {
        RequestFile file = new RequestFile(service.pidFile());
        try {
            if (service.status().isEmpty()) {
                throw new IOException("the service has no status file");
            }
            file.leave();
        } catch (IOException e) {
            throw new CtlOutcome.Ended(
                    CtlOutcome.FAILED,
                    "SIG" + name + " cannot be sent, there is " + why.getMessage()
                            + ", and a request cannot be left in " + file + ": " + e.getMessage());
        }
    }

    private Optional<CtlOutcome> look() throws CtlOutcome.Ended, InterruptedException {
        boolean ended = service.hasEnded(); // first: what it has written is there then
        Optional<ServiceStatus> now = newStatus();
        Optional<UpgradeRecord> ours = now.flatMap(this::ours);
        if (ours.isPresent()) {
            waits = ours.get().result() == Result.DEFERRED;
            isRequested = true;
            warning = ours.get().result() == Result.RUNNING ? ours.get().message() : warning;
            if (ours.get().result() == Result.FAILED || ours.get().result() == Result.REFUSED) {
                return Optional.of(failed(ours.get()));
            }
        }
        if (!ended) {
            return isRequested ? Optional.empty() : requestAgain();
        }
        RunningService next = now.isPresent() && now.get().pid() != service.pid() ? find() : null;
        if (next != null) {
            return succeededBy(next, now.get());
        }
        if (endedSince == 0 || (now.isPresent() && hasLivingChild(now.get()))) {
            endedSince = System.nanoTime(); // a child goes on alone
        }
        return isOver(endedSince) ? Optional.of(withoutStatus()) : Optional.empty();
    }

    private static boolean isOver(long since) {
        return System.nanoTime() - since > SUCCESSION.toNanos();
    }

    /**
     * The first upgrade that was requested since may be somebody else's, who was faster: its result is as
     * good. What is older than this command is not: a status file that could not be written for a while has
     * missed some.
     */
    private Optional<UpgradeRecord> ours(ServiceStatus now) {
        return now.pid() != service.pid()
                ? Optional.empty()
                : now.upgrades().stream()
                        .filter(upgrade ->
                                upgrade.number() > before && !upgrade.began().isBefore(foundAt))
                        .min(Comparator.comparingLong(UpgradeRecord::number));
    }

    private CtlOutcome failed(UpgradeRecord upgrade) {
        return new CtlOutcome(
                CtlOutcome.FAILED,
                "upgrade " + (upgrade.result() == Result.REFUSED ? "refused" : "failed") + " after "
                        + CtlOutcome.millis(elapsed()) + ", " + service.name() + " serves on: " + upgrade.message());
    }

    /** What cannot be read just now may be there at the next look. */
    private Optional<ServiceStatus> newStatus() throws InterruptedException {
        try {
            return service.newStatus();
        } catch (CtlOutcome.Ended e) {
            return Optional.empty();
        }
    }

    private boolean hasLivingChild(ServiceStatus lastWords) throws InterruptedException {
        for (UpgradeRecord upgrade : lastWords.upgrades()) {
            if (upgrade.result() == Result.RUNNING
                    && upgrade.pid() != 0
                    && service.processes().isThere(upgrade.pid())) {
                return true;
            }
        }
        return false;
    }

    /**
     * The process that the PID file names, which may be ahead of the status file or behind it: whoever takes
     * over writes one file after the other. {@code null} if there is none.
     */
    private @Nullable RunningService find() throws InterruptedException {
        try {
            return RunningService.find(service.pidFile(), service.processes());
        } catch (CtlOutcome.Ended e) {
            return null;
        }
    }

    /**
     * A process of generation 1 whose parent is another was started by somebody else, whatever was known of
     * the old one.
     */
    private Optional<CtlOutcome> succeededBy(RunningService next, ServiceStatus now) {
        int generation = service.status().map(ServiceStatus::generation).orElse(1);
        boolean isSuccessor = now.parent() == service.pid() || now.generation() > Math.max(1, generation);
        if (next.pid() != now.pid() || !isSuccessor) {
            return Optional.of(startedAnew(next));
        }
        if (!waits) {
            return Optional.of(upgraded(RunningService.name(now)));
        }
        service = next;
        before = 0;
        isRequested = false;
        endedSince = 0;
        followedSince = System.nanoTime();
        return Optional.empty();
    }

    /** A process that has received the signal as it ended may not have passed it on. */
    private Optional<CtlOutcome> requestAgain() throws CtlOutcome.Ended, InterruptedException {
        if (isOver(followedSince)) {
            send(signalToSend());
        }
        return Optional.empty();
    }

    private CtlOutcome startedAnew(RunningService other) {
        return new CtlOutcome(
                CtlOutcome.FAILED,
                service.name() + " has ended without a successor; process " + other.pid()
                        + " was started separately, and is the service");
    }

    private CtlOutcome upgraded(String successor) {
        return new CtlOutcome(
                CtlOutcome.DONE,
                "upgraded in " + CtlOutcome.millis(elapsed()) + ": " + successor + " is the service, " + service.name()
                        + " has ended" + (warning.isEmpty() ? "" : "\nwarning: " + warning));
    }

    /**
     * Where the status file cannot be written, the PID file has to do, and the environment of the process
     * that it names.
     */
    private CtlOutcome withoutStatus() throws InterruptedException {
        try {
            RunningService successor = RunningService.find(service.pidFile(), service.processes());
            return successor.isChildOf(service.pid()) ? upgraded("process " + successor.pid()) : startedAnew(successor);
        } catch (CtlOutcome.Ended e) {
            return new CtlOutcome(
                    CtlOutcome.FAILED,
                    service.name() + " has ended, and there is no other: "
                            + e.outcome().message());
        }
    }

    private String soFar() throws InterruptedException {
        Optional<ServiceStatus> now = newStatus();
        if (now.isEmpty()) {
            return service.name() + " is there, and has no status file";
        }
        Optional<UpgradeRecord> ours = now.flatMap(this::ours);
        if (now.get().pid() != service.pid()) {
            return RunningService.name(now.get()) + " is the service, " + service.name()
                    + " still finishes its connections";
        }
        if (ours.isEmpty()) {
            return service.name() + " has not acted on the signal";
        }
        return service.name() + " is the service, the upgrade "
                + (waits ? "begins later: " + ours.get().message() : "is in progress");
    }
}
