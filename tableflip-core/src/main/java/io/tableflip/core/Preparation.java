package io.tableflip.core;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
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
    private List<Class<?>> anchors = List.of();
    private boolean begun;

    /**
     * @param launcher {@code null} where upgrades are not possible
     * @param parent {@code null} in the first generation
     */
    Preparation(Lifecycle life, @Nullable Launcher launcher, @Nullable ParentLink parent) {
        this.life = life;
        this.launcher = launcher;
        this.parent = parent;
    }

    /**
     * This process is the service.
     *
     * @param participants classes of which the packages are loaded
     */
    void served(List<Class<?>> participants) {
        anchors = participants;
        if (parent == null || life.fds().isUnclaimed()) { // nobody accepts from a listener that nobody has claimed
            begin();
        } else {
            life.loop().schedule(Settings.PREPARE_AFTER, this::begin);
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
            life.background().execute(() -> life.withNativeCode(() -> prepare(starts)));
        }
    }

    private void prepare(Launcher starts) {
        long began = System.nanoTime();
        Preloader.loadPackageOf(Lifecycle.class);
        anchors.forEach(Preloader::loadPackageOf);
        jars.remember(anchors);
        try {
            Os os = life.os().get();
            life.fds().closeInherited();
            life.fds().setCloseOnExec();
            if (parent != null) {
                parent.closeOriginals(os);
            }
            os.rehearse(); // last: should it fail, what nobody claimed must not stay open
            life.childMemory().rehearse(starts.childCommand());
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
            LOG.log(INFO, "prepared for the next upgrade in {0} ms", Long.toString(millis));
        } catch (IOException | LinkageError | RuntimeException e) {
            LOG.log(WARNING, "no upgrade will be possible", e);
        }
    }
}
