package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.Participant;
import io.tableflip.core.launch.JarWatch;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.launch.Preloader;
import io.tableflip.core.launch.ScriptJobs;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.resources.Admission;
import io.tableflip.core.transfer.IncomingTransfer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a process does once, after it has become the service: it loads the native code and every class that an
 * upgrade or a drain needs (the jar may be overwritten by then), closes inherited descriptors that nobody has
 * claimed, and hides the others from processes that the program starts. A process that has taken over does
 * that when its first clients are served: it takes half a second of processor time. Only for the thread of
 * the loop.
 */
final class Housekeeping {
    private static final System.Logger LOG = Log.get();

    /** How long a process that has taken over serves before it begins. */
    static final Duration DELAY = Duration.ofSeconds(1);

    /** How often to look whether clients can reach the Unix sockets. */
    private static final Duration PATHS_CHECK = Duration.ofMinutes(1);

    private final Context context;
    private final ProcFs proc;
    private final @Nullable Launcher launcher;
    private final Parent parent;
    private final NativeCode nativeCode;
    private final Descriptors fds;
    private final Participants participants;
    private final Admission admission;
    private final IdleBoot idleBoot;
    private final JarWatch jars = new JarWatch();
    private boolean begun;

    /** @param launcher {@code null} where upgrades are not possible */
    Housekeeping(
            Context context,
            ProcFs proc,
            @Nullable Launcher launcher,
            Parent parent,
            NativeCode nativeCode,
            Descriptors fds,
            Participants participants,
            Admission admission,
            IdleBoot idleBoot) {
        this.context = context;
        this.proc = proc;
        this.launcher = launcher;
        this.parent = parent;
        this.nativeCode = nativeCode;
        this.fds = fds;
        this.participants = participants;
        this.admission = admission;
        this.idleBoot = idleBoot;
    }

    /** This process is the service. */
    void serving() {
        context.loop().schedule(PATHS_CHECK, this::checkPaths);
        if (!parent.exists() || fds.isUnclaimed()) { // nobody accepts from a listener that nobody has claimed
            begin();
        } else {
            context.loop().schedule(DELAY, this::begin);
        }
    }

    /** The parent cannot set this process back to normal priority any more, and nobody serves meanwhile. */
    void parentLost() {
        if (parent.bootsIdle()) {
            context.workers().execute(() -> nativeCode.use(idleBoot::makeSelfNormal));
        }
    }

    private void checkPaths() {
        if (context.phase() == Phase.SERVING) {
            warnOfPaths();
        }
        context.loop().schedule(PATHS_CHECK, this::checkPaths);
    }

    /** After an upgrade that has failed, too: its child may have removed what leads to this process. */
    void warnOfPaths() {
        fds.lookAtPaths(context.loop(), Descriptors.LENDING_LIMIT)
                .thenAcceptAsync(SocketPaths::warn, context.workers());
    }

    /** An upgrade needs the result now. */
    void upgradeBegins() {
        begin();
        context.workers().execute(jars::warn);
    }

    private void begin() {
        if (!begun && launcher != null) {
            begun = true;
            Launcher starts = launcher;
            List<Participant> all = participants.all();
            context.workers().execute(() -> keepHouse(starts, all));
            context.workers().execute(starts::lookAround);
        } else if (launcher == null && fds.isUnclaimed()) {
            context.workers().execute(fds::closeInherited);
        }
    }

    private void keepHouse(Launcher starts, List<Participant> all) {
        long began = System.nanoTime();
        List<Class<?>> anchors = new ArrayList<>();
        all.forEach(participant -> anchors.add(participant.getClass()));
        try {
            Optional<Os> loaded = nativeCode.load(); // others who need it wait only for this
            if (loaded.isPresent()) {
                Preloader.load(anchors); // not before: it would load the native code, and the JVM may be ending
                jars.remember(anchors);
                keepHouse(loaded.get(), starts);
                long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
                LOG.log(INFO, "prepared for the next upgrade in {0} ms", Long.toString(millis));
            }
        } catch (IOException | LinkageError | RuntimeException e) {
            LOG.log(WARNING, "no upgrade will be possible", e);
        }
    }

    /** Which the parent has announced, and no participant takes connections. */
    private void closeUnusedChannel(Os os) {
        IncomingTransfer incoming = parent.incoming();
        if (incoming != null) {
            incoming.begin(os, Map.of()); // no effect if it has begun
        }
    }

    private void keepHouse(Os os, Launcher starts) throws IOException {
        idleBoot.makeSelfNormal(os);
        fds.closeInherited();
        fds.setCloseOnExec();
        if (parent.exists()) {
            ScriptJobs.warnOfHolders(proc, ParentLink.NAMES_FD);
            parent.closeOriginals(os);
            closeUnusedChannel(os);
        }
        idleBoot.isPossible(); // logs now why not, and reads no file during an upgrade
        os.rehearse(); // last: should it fail, what nobody claimed must not stay open
        admission.rehearse(starts.childCommand());
    }
}
