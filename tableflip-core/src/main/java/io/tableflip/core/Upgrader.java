package io.tableflip.core;

import static java.util.Objects.requireNonNull;

import io.tableflip.core.lifecycle.Settings;
import io.tableflip.core.lifecycle.Startup;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;

/**
 * Replaces the running process by a new copy of itself without closing its listening sockets.
 *
 * <p>At any time there are one or two processes, at most one of them not ready. A process has one upgrader.
 * All methods are thread-safe. None blocks, except {@link #awaitExit}. Callbacks on the futures run on
 * threads of the upgrader; they may block, but only a few at a time.
 *
 * <p>This is an interface so that a program's own tests can use a fake.
 */
public interface Upgrader extends AutoCloseable {
    /** Returns a builder with the default settings. */
    static Builder builder() {
        return new Builder();
    }

    /** The descriptors that came from the parent, and those that go to the child. */
    Fds fds();

    /** Whether an upgrade started this process, and not a person or a service manager. */
    boolean hasParent();

    /**
     * The number of this process in the chain of upgrades: 1, 2, 3 and so on; 1 again after a parent that
     * does not count (level 1).
     */
    int generation();

    /** Whether {@link #upgrade()} can work here; {@code false} only for a stub. */
    boolean isSupported();

    /** The current state. */
    State state();

    /**
     * Adds a part of the program that is paused, drained, resumed and released with the process. It begins
     * paused. When the process is {@link State#SERVING}, the new participant is resumed immediately; when the
     * process is leaving, it is released immediately.
     */
    void register(Participant participant);

    /** Removes a participant: it gets no more calls. Does nothing if it was never registered. */
    void unregister(Participant participant);

    /**
     * Declares that this process has initialised. Participants {@linkplain Participant#acquire acquire} what
     * they need and are resumed, the parent is asked to leave, and the PID file is put in place. Inherited
     * descriptors that nobody has claimed are closed after that. A second call returns a future of the same
     * result.
     *
     * @return completes when this process is the service. Fails with an {@link UpgradeException} if the
     *     parent has given up this child; with an {@link java.io.IOException} that names the PID file, caused
     *     by a {@link SystemCallException}, if that file cannot be written; with the exception of the
     *     participant if one could not acquire what it needs; with an {@link IllegalStateException} after
     *     {@link #stop()}. Except for the last case, {@link #exit()} then fails with the same exception
     */
    CompletableFuture<Void> ready();

    /**
     * The same as {@link #ready()}, but a child warms up first, while its parent keeps serving. The first
     * generation does not warm up, because nobody serves meanwhile. A child whose parent dies stops warming
     * up and takes over. A warm-up that fails is logged and changes nothing.
     *
     * @param warmUp runs on a thread of its own
     * @param limit the maximum time before this process takes over; well within the upgrade timeout
     * @throws IllegalArgumentException if the limit is negative, or not below the upgrade timeout
     */
    CompletableFuture<Void> ready(WarmUp warmUp, Duration limit);

    /**
     * Starts a new copy of this process and hands over to it. An upgrade that cannot begin now is refused;
     * only one requested by a signal ({@link Builder#upgradeOn}) begins later.
     *
     * @return completes with the process id of the child when the child is the service. Fails with an
     *     {@link UpgradeException} if the upgrade was refused or has failed; this process then keeps serving
     */
    CompletableFuture<Long> upgrade();

    /**
     * Ends the service: closes the listening sockets, drains the connections, removes socket paths and the
     * PID file. A child that has not taken over is killed first; a child that has taken over is told to stop
     * as well. Does nothing if the process is leaving already.
     */
    void stop();

    /**
     * Completes when the process should end: it was upgraded or stopped, and has drained. The value tells
     * which. Fails if {@link #ready()} failed. From then on the exit deadline runs.
     */
    CompletableFuture<ExitReason> exit();

    /**
     * Blocks until {@link #exit()} completes; {@code main} waits here. Never call it on an event loop.
     *
     * @return whether the process was upgraded or stopped
     * @throws InterruptedException if the thread is interrupted while it waits
     * @throws IllegalStateException if {@link #ready()} failed; the cause is the exception of {@code ready()}
     */
    ExitReason awaitExit() throws InterruptedException;

    /**
     * The same as {@link #awaitExit()}, for a limited time.
     *
     * @return empty if the time is over and the process should not end yet
     */
    Optional<ExitReason> awaitExit(Duration timeout) throws InterruptedException;

    /**
     * Completes when the parent has exited, immediately if there was none. Its process id can exist a moment
     * longer.
     */
    CompletableFuture<Void> parentExited();

    /**
     * Completes when all participants of the parent have paused, immediately if there was no parent. A child
     * must not read earlier from what both processes have, an established connection for example.
     *
     * <p>This happens while {@link #ready()} is in progress. The future completes when this process becomes
     * the service at the latest: a parent of level 1 does not send the message, and neither does one whose
     * participants take longer than {@code maxDrainBeforeCommit} and a second to pause. It does not complete
     * in a child that does not become the service.
     */
    CompletableFuture<Void> parentPaused();

    /**
     * Notes why initialisation is failing. If this process closes the upgrader, or ends, before it was ready,
     * {@link #upgrade()} in the parent fails with this message: "bind 0.0.0.0:9090: Address already in use"
     * instead of "exit status 1". The last call counts. Has no effect once the process is ready, or without a
     * parent.
     */
    void reportFailure(Throwable cause);

    /**
     * {@linkplain #stop() Stops}, unless the process is leaving already. Does not wait. A child that is not
     * ready notifies its parent.
     */
    @Override
    void close();

    /** Builds an {@link Upgrader}. Not thread-safe. */
    final class Builder {
        private static final Duration LONGEST = Duration.ofDays(10_000);

        private final Settings settings = new Settings();

        private Builder() {}

        /**
         * Sets the file that holds the process id of the service. It changes hands at the commit. The final
         * stop removes it, unless {@code tableflip-launcher.sh} follows it and removes it itself. By default
         * there is none.
         *
         * <p>The file is written beside its place, as {@code .NAME.PID}, and renamed. It replaces whatever
         * was there; a symbolic link is replaced, not followed. So this process must be able to write to the
         * directory, and nobody else should. If the file cannot be written, the process does not become
         * ready. There is one exception: on a read-only file system (a container without a tmpfs) the first
         * process serves without the file, logs a warning, and refuses upgrades as
         * {@link UpgradeException.Reason#NOT_SUPPORTED}.
         */
        public Builder pidFile(Path path) {
            settings.pidFile(path.toAbsolutePath());
            return this;
        }

        /** Sets how long a child may take to become ready before it is killed; 1 minute by default. */
        public Builder upgradeTimeout(Duration timeout) {
            settings.upgradeTimeout(positive("upgrade timeout", timeout));
            return this;
        }

        /**
         * Sets how long the parent drains, at most, before the child may commit; 5 seconds by default.
         * Connections that live longer are finished by the parent after the commit. Zero commits immediately,
         * as Go's tableflip does.
         */
        public Builder maxDrainBeforeCommit(Duration time) {
            settings.maxDrainBeforeCommit(notNegative("max drain before commit", time));
            return this;
        }

        /**
         * Sets how long connections may take to end, from the child's takeover or the stop, before they are
         * cut; 30 seconds by default.
         */
        public Builder drainTimeout(Duration timeout) {
            settings.drainTimeout(positive("drain timeout", timeout));
            return this;
        }

        /**
         * Sets how long the process may take to end once {@link Upgrader#exit()} is complete; 10 seconds by
         * default. Then the threads that keep it alive are logged, and the JVM is halted: as long as this
         * process lives, no further upgrade is possible.
         */
        public Builder exitDeadline(Duration deadline) {
            settings.exitDeadline(positive("exit deadline", deadline));
            return this;
        }

        /** Sets whether the JVM is halted at the exit deadline; {@code true} by default. */
        public Builder haltAtExitDeadline(boolean halt) {
            settings.haltAtExitDeadline(halt);
            return this;
        }

        /**
         * Changes what an upgrade starts: other JVM options from now on, or a start script instead of
         * {@code java}. The function gets the command line and environment of this process. It is called at
         * each upgrade; an exception fails that upgrade.
         */
        public Builder childCommand(UnaryOperator<ChildCommand> change) {
            settings.childCommand(requireNonNull(change));
            return this;
        }

        /**
         * Whether upgrades are refused where somebody waits for exactly this process and would take its end
         * for that of the service: as process 1 of a container; where tini, dumb-init, docker-init,
         * catatonit, supervisord, runsv or s6-supervise has started it; as the main process of a systemd unit
         * without a {@link #pidFile} and without notifications. By default they are, with
         * {@link UpgradeException.Reason#SUPERVISED}, and a warning at the start names the remedy.
         *
         * @param check {@code false} if the end of this process does no harm there
         */
        public Builder supervisorCheck(boolean check) {
            settings.supervisorCheck(check);
            return this;
        }

        /**
         * Sets what happens when the child may need more memory, threads or descriptors than are free;
         * {@link ResourceCheck#WARN} by default. The check runs before each spawn, after {@link
         * #childCommand}.
         */
        public Builder resourceCheck(ResourceCheck check) {
            settings.resourceCheck(requireNonNull(check));
            return this;
        }

        /**
         * Sets the maximum time a child starts and warms up at idle CPU priority (SCHED_IDLE, sched(7)), so
         * that it does not slow down this process. Zero, the default, starts children at normal priority.
         *
         * <p>The parent's clients hardly notice such a child. But where every processor is busy, the child
         * gets almost no processor time until the limit; from then on it has normal priority. The kernel
         * compares processes only within one cgroup, or session (autogroup).
         *
         * <p>Setting the priority back needs the capability CAP_SYS_NICE, as root has it outside of most
         * containers, or an RLIMIT_NICE that allows the nice value of this process: {@code LimitNICE=+0} in a
         * systemd unit. Without that, with musl, or if this process itself does not have SCHED_OTHER, a child
         * starts at normal priority, and the log says why. If setting it back fails at the takeover
         * nevertheless, for example because the child has changed its user, that upgrade fails: the child
         * leaves when it has finished what it has accepted, and later children start at normal priority.
         *
         * <p>Processes that the child starts inherit its priority. The parent, or the child a second after
         * the commit, sets theirs back too.
         *
         * @param limit less than the upgrade timeout, or {@link #build()} fails
         * @throws IllegalArgumentException if the limit is negative
         */
        public Builder idleBoot(Duration limit) {
            settings.idleBoot(notNegative("idle boot", limit));
            return this;
        }

        /** Sets who is notified of the steps of an upgrade; nobody by default. */
        public Builder listener(LifecycleListener listener) {
            settings.listener(requireNonNull(listener));
            return this;
        }

        /**
         * Upgrades on these signals, {@code HUP} for example, without the "SIG". Without this call there is
         * no handler. {@link #build()} installs the handlers.
         *
         * <p>A signal that comes when no upgrade can begin (before {@code ready()}, during another upgrade,
         * while the parent is still there) is not lost: its upgrade begins as soon as that is possible, in
         * this process or in the one that replaces it. Several such signals make one upgrade. A process that
         * stops refuses it, and logs that.
         */
        public Builder upgradeOn(String... signals) {
            settings.upgradeOn(List.of(signals));
            return this;
        }

        /**
         * Stops on these signals, {@code TERM} and {@code INT} for example. A second signal while the process
         * stops ends it immediately. Without this call the JVM handles them.
         */
        public Builder stopOn(String... signals) {
            settings.stopOn(List.of(signals));
            return this;
        }

        /**
         * Declares that no upgrade is possible for a reason that this library cannot know:
         * {@link #buildOrStub()} then builds a stub, on Linux too, and {@link #build()} fails.
         *
         * @param reason is logged, once
         */
        public Builder withoutUpgrades(String reason) {
            settings.withoutUpgrades(requireNonNull(reason));
            return this;
        }

        /**
         * Builds the upgrader. In a child this reads the names of the inherited descriptors.
         *
         * @throws UnsupportedPlatformException if upgrades are not possible here
         * @throws IllegalStateException if this process has an upgrader already
         * @throws IllegalArgumentException if a signal does not exist here or is given twice, or if the limit
         *     of an idle boot is not below the upgrade timeout
         * @throws IOException if the names of the descriptors cannot be read from the parent or make no
         *     sense. What a parent sends later and this version does not understand is ignored
         */
        public Upgrader build() throws IOException {
            Optional<String> reason = settings.whyNoUpgrades();
            if (reason.isPresent()) {
                throw new UnsupportedPlatformException("no upgrades here: " + reason.get());
            }
            return Startup.create(settings);
        }

        /**
         * The same as {@link #build()}, but where upgrades are not possible it builds a stub: an upgrader
         * that refuses upgrades and does everything else. So the same program runs on a developer's machine,
         * and in tests: a process may have any number of stubs, each after the one before was closed or has
         * ended. A stub never halts the JVM.
         *
         * @throws IllegalStateException also if an upgrade started this process although none is possible
         *     here; the parent then keeps serving
         */
        public Upgrader buildOrStub() throws IOException {
            return Startup.create(settings);
        }

        /**
         * Runs a whole program: builds the upgrader as {@link #buildOrStub()} does, starts the program,
         * declares it ready, waits until this process should end, and closes the upgrader. An exception of
         * the program before that fails the upgrade with its message. {@code main} calls it, and afterwards
         * shuts its event loops down.
         *
         * @return whether the process was upgraded or stopped
         * @throws InterruptedException if the thread is interrupted while it waits
         * @throws IllegalStateException as {@link Upgrader#awaitExit()}, or as {@link #buildOrStub()}
         * @throws IOException as {@link #build()}
         * @throws Exception that of {@link Program#start}
         */
        public ExitReason run(Program program) throws Exception {
            return Startup.run(settings, requireNonNull(program));
        }

        private static Duration positive(String what, Duration time) {
            if (time.isNegative() || time.isZero()) {
                throw new IllegalArgumentException(what + ": " + time + " is not more than zero");
            }
            return capped(time);
        }

        private static Duration notNegative(String what, Duration time) {
            if (time.isNegative()) {
                throw new IllegalArgumentException(what + ": " + time + " is negative");
            }
            return capped(time);
        }

        /** "For ever" is written in many ways, and some of them overflow when anything is added. */
        private static Duration capped(Duration time) {
            return time.compareTo(LONGEST) > 0 ? LONGEST : time;
        }
    }
}
