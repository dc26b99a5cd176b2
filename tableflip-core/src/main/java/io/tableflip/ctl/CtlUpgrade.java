package io.tableflip.ctl;

import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.StatusFile;
import io.tableflip.core.observe.UpgradeRecord;
import io.tableflip.core.observe.UpgradeRecord.Result;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Upgrades a service from outside, and finds out what has become of it. */
final class CtlUpgrade {
    /** How long a successor has to write its files, once the process has gone. */
    private static final Duration SUCCESSION = Duration.ofSeconds(5);

    private final RunningService old;
    private final Duration patience;
    private final Optional<String> signal;
    private final long began = System.nanoTime();
    private long goneSince;

    /** @param signal empty for the service's own */
    CtlUpgrade(RunningService old, Duration patience, Optional<String> signal) {
        this.old = old;
        this.patience = patience;
        this.signal = signal;
    }

    CtlOutcome run() throws CtlOutcome.Ended, InterruptedException {
        send(signalToSend());
        while (elapsed().compareTo(patience) < 0) {
            Optional<CtlOutcome> outcome = look();
            if (outcome.isPresent()) {
                return outcome.get();
            }
            TimeUnit.NANOSECONDS.sleep(Ctl.LOOK.toNanos());
        }
        return new CtlOutcome(Ctl.TIMED_OUT, "not decided within " + Printable.of(patience) + ": " + soFar());
    }

    private Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - began);
    }

    /** A signal that nobody handles would end the service. */
    private String signalToSend() throws CtlOutcome.Ended {
        List<String> signals = old.status().map(ServiceStatus::signals).orElse(List.of());
        if (signal.isPresent()) {
            if (old.status().isPresent() && !signals.contains(signal.get())) {
                throw new CtlOutcome.Ended(
                        Ctl.FAILED,
                        "the service does not upgrade on SIG" + signal.get() + ", and nothing was sent: "
                                + (signals.isEmpty() ? "its program has no upgradeOn(...)" : "it does on " + signals));
            }
            return signal.get();
        }
        if (old.status().isEmpty()) {
            throw new CtlOutcome.Ended(
                    Ctl.FAILED,
                    "there is no status file " + StatusFile.of(old.pidFile()) + " of process " + old.pid()
                            + " that names the signal to upgrade on, and nothing was sent: --signal HUP, if that is it");
        }
        if (signals.isEmpty()) {
            throw new CtlOutcome.Ended(
                    Ctl.FAILED,
                    "the service upgrades on no signal, and nothing was sent: its program has no upgradeOn(...)");
        }
        return signals.get(0);
    }

    /** By the shell's own kill: there is one wherever there is a shell. */
    private void send(String name) throws CtlOutcome.Ended, InterruptedException {
        try {
            Process kill = new ProcessBuilder(
                            "/bin/sh", "-c", "kill -s \"$1\" \"$2\"", "sh", name, Long.toString(old.pid()))
                    .redirectErrorStream(true)
                    .start();
            kill.getOutputStream().close();
            String said = new String(kill.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (kill.waitFor() != 0) {
                throw new CtlOutcome.Ended(
                        Ctl.FAILED,
                        "SIG" + name + " cannot be sent to process " + old.pid() + ": " + Printable.of(said.strip()));
            }
        } catch (IOException e) {
            throw new CtlOutcome.Ended(Ctl.FAILED, "a shell is needed to send a signal: " + e.getMessage());
        }
    }

    private Optional<CtlOutcome> look() throws CtlOutcome.Ended {
        boolean gone = old.hasGone(); // first: what it has written is there then
        Optional<ServiceStatus> now = newStatus();
        Optional<CtlOutcome> failure = now.flatMap(this::failure);
        if (failure.isPresent() || !gone) {
            return failure;
        }
        Optional<CtlOutcome> successor = now.flatMap(this::successor);
        if (successor.isPresent()) {
            return successor;
        }
        if (goneSince == 0 || now.filter(this::hasLivingChild).isPresent()) {
            goneSince = System.nanoTime(); // a child goes on alone
        }
        return System.nanoTime() - goneSince > SUCCESSION.toNanos() ? Optional.of(withoutStatus()) : Optional.empty();
    }

    /** What cannot be read just now may be there at the next look. */
    private Optional<ServiceStatus> newStatus() {
        try {
            return old.newStatus();
        } catch (CtlOutcome.Ended e) {
            return Optional.empty();
        }
    }

    private boolean hasLivingChild(ServiceStatus lastWords) {
        return lastWords.upgrades().stream()
                .anyMatch(upgrade ->
                        upgrade.result() == Result.RUNNING && upgrade.pid() != 0 && old.isThere(upgrade.pid()));
    }

    /**
     * The first upgrade that was asked for since may be somebody else's, who was faster: its result is as
     * good. What is older than this command is not: a status file that could not be written for a while has
     * missed some.
     */
    private Optional<CtlOutcome> failure(ServiceStatus now) {
        if (now.pid() != old.pid()) {
            return Optional.empty();
        }
        return now.upgrades().stream()
                .filter(upgrade ->
                        upgrade.number() > before() && !upgrade.began().isBefore(old.foundAt()))
                .min(Comparator.comparingLong(UpgradeRecord::number))
                .filter(upgrade -> upgrade.result() == Result.FAILED || upgrade.result() == Result.REFUSED)
                .map(upgrade -> new CtlOutcome(
                        Ctl.FAILED,
                        "upgrade " + (upgrade.result() == Result.REFUSED ? "refused" : "failed") + " after "
                                + Ctl.millis(elapsed()) + ", " + old.name() + " serves on: " + upgrade.message()));
    }

    /** How many upgrades it had been asked for before this one. */
    private long before() {
        return old.status().map(ServiceStatus::requests).orElse(0L);
    }

    /**
     * The process that has written the status file, once the PID file names a process too: whoever takes over
     * writes one file after the other. A process of generation 1 whose parent is another was started by
     * somebody else, whatever was known of the old one.
     */
    private Optional<CtlOutcome> successor(ServiceStatus now) {
        if (now.pid() == old.pid()) {
            return Optional.empty();
        }
        try {
            RunningService successor = RunningService.find(old.pidFile(), new ProcFs());
            int generation = old.status().map(ServiceStatus::generation).orElse(1);
            boolean isSuccessor = now.parent() == old.pid() || now.generation() > Math.max(1, generation);
            return Optional.of(
                    successor.pid() == now.pid() && isSuccessor
                            ? upgraded(RunningService.name(now))
                            : startedAnew(successor));
        } catch (CtlOutcome.Ended e) {
            return Optional.empty();
        }
    }

    private CtlOutcome startedAnew(RunningService other) {
        return new CtlOutcome(
                Ctl.FAILED,
                old.name() + " has gone without a successor; process " + other.pid()
                        + " was started anew, and is the service");
    }

    private CtlOutcome upgraded(String successor) {
        return new CtlOutcome(
                Ctl.DONE,
                "upgraded in " + Ctl.millis(elapsed()) + ": " + successor + " is the service, " + old.name()
                        + " has gone");
    }

    /**
     * Where the status file cannot be written, the PID file has to do, and the environment of the process
     * that it names.
     */
    private CtlOutcome withoutStatus() {
        try {
            RunningService successor = RunningService.find(old.pidFile(), new ProcFs());
            return successor.isChildOf(old.pid()) ? upgraded("process " + successor.pid()) : startedAnew(successor);
        } catch (CtlOutcome.Ended e) {
            return new CtlOutcome(
                    Ctl.FAILED,
                    old.name() + " has gone, and there is no other: "
                            + e.outcome().message());
        }
    }

    private String soFar() {
        Optional<ServiceStatus> now = newStatus();
        if (now.isPresent() && now.get().pid() != old.pid()) {
            return RunningService.name(now.get()) + " is the service, " + old.name()
                    + " still finishes its connections";
        }
        return now.map(status -> status.requests() == before()
                        ? old.name() + " has not acted on the signal"
                        : old.name() + " is the service, the upgrade is under way")
                .orElse(old.name() + " is there, and has no status file");
    }
}
