package io.tableflip.core;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a process does once, when it is the service: it loads the native code and every class that an upgrade or a drain needs (the jar may be
 * overwritten by then), closes what was inherited and not claimed, and keeps the rest from other processes. A process that has taken over from another
 * leaves that until its first clients are served: it takes half a second of a processor, and everything that they need is new to the JVM, too. Only for the
 * thread of the lifecycle.
 */
final class Preparation {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    private final Lifecycle life;
    private final @Nullable Launcher launcher;
    private final @Nullable ParentLink parent;
    private final JarWatch jars = new JarWatch();
    private boolean begun;
    private boolean loaded; // of the thread in the background
    private boolean normal; // guarded by this

    /**
     * @param launcher {@code null} where upgrades are not possible
     * @param parent {@code null} in the first generation
     */
    Preparation(Lifecycle life, @Nullable Launcher launcher, @Nullable ParentLink parent) {
        this.life = life;
        this.launcher = launcher;
        this.parent = parent;
    }

    /** This process is the service. */
    void served() {
        if (parent == null || life.fds().isUnclaimed()) { // nobody accepts from a listener that nobody has claimed
            begin();
        } else {
            life.loop().schedule(Settings.PREPARE_AFTER, this::begin);
        }
    }

    /** It cannot make this process normal again any more, and nobody serves meanwhile. */
    void parentLost() {
        if (parent != null && parent.bootsIdle()) {
            life.background()
                    .execute(() ->
                            life.withNativeCode(() -> ensureNormal(life.os().get())));
        }
    }

    /**
     * Takes the policy SCHED_IDLE from this process, if its parent has given it: in most cases that has taken it back long since. Before an upgrade, since a child
     * has the policy of its parent. One at a time: a child that was just made idle must not be taken for one of those.
     */
    synchronized void ensureNormal(Os os) {
        if (normal || parent == null || !parent.bootsIdle()) {
            return;
        }
        try {
            os.takeBackIdle((int) life.pid());
            normal = true;
        } catch (SystemCallException e) {
            LOG.log(WARNING, "this process may be left with the scheduling policy SCHED_IDLE", e);
        }
    }

    /** An upgrade needs it now. */
    void upgradeBegins() {
        begin();
        life.background().execute(jars::warn);
    }

    private void begin() {
        if (!begun && launcher != null) {
            begun = true;
            Launcher starts = launcher;
            List<Participant> participants = life.participants().all();
            life.background().execute(() -> prepare(starts, participants));
        }
    }

    private void prepare(Launcher starts, List<Participant> participants) {
        long began = System.nanoTime();
        List<Class<?>> anchors = new ArrayList<>();
        participants.forEach(participant -> anchors.add(participant.getClass()));
        life.withNativeCode(() -> loadAndRehearse(starts, anchors));
        if (loaded) {
            // may take as long as they like, also when the JVM is about to end
            participants.forEach(Participants::prepare);
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
            LOG.log(INFO, "prepared for the next upgrade in {0} ms", Long.toString(millis));
        }
    }

    private void loadAndRehearse(Launcher starts, List<Class<?>> anchors) {
        Preloader.loadPackageOf(Lifecycle.class);
        anchors.forEach(Preloader::loadPackageOf);
        jars.remember(anchors);
        try {
            Os os = life.os().get();
            ensureNormal(os);
            life.fds().closeInherited();
            life.fds().setCloseOnExec();
            if (parent != null) {
                parent.closeOriginals(os);
            }
            life.idleBoot().isPossible(); // says now why not, and reads no file in an upgrade
            os.rehearse(); // last: should it fail, what nobody claimed must not stay open
            life.childMemory().rehearse(starts.childCommand());
            loaded = true;
        } catch (IOException | LinkageError | RuntimeException e) {
            LOG.log(WARNING, "no upgrade will be possible", e);
        }
    }
}
