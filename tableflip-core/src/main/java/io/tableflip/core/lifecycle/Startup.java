package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ExitReason;
import io.tableflip.core.Program;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.launch.OwnEnvironment;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.NativeOs;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.Signals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Creates the upgrader of this process, and installs its signal handlers. */
public final class Startup {
    private static final System.Logger LOG = Log.get();
    private static final AtomicBoolean CREATED = new AtomicBoolean();

    private Startup() {}

    /** Loads the native code when it is asked for, once. */
    private static final class Native {
        static final Os OS = new NativeOs();
    }

    /**
     * Creates the upgrader of this process; a stub where upgrades are not possible.
     *
     * @throws IllegalStateException if this process has one (a stub that has ended or was closed does not
     *     count), or if an upgrade started it where none is possible
     */
    public static Lifecycle create(Settings chosen) throws IOException {
        chosen.requireConsistent();
        Settings settings = chosen.copy();
        if (!CREATED.compareAndSet(false, true)) {
            throw new IllegalStateException("this process has an upgrader already, and there can be only one");
        }
        // handlers first: in a child, reading the names may take a moment in which a SIGHUP would kill it
        CompletableFuture<Lifecycle> created = new CompletableFuture<>();
        List<Runnable> handlers = new ArrayList<>();
        try {
            for (String name : settings.upgradeOn()) {
                handlers.add(Signals.handle(name, () -> created.thenAccept(life -> life.upgradeBySignal(name))));
            }
            for (String name : settings.stopOn()) {
                handlers.add(Signals.handle(name, () -> created.thenAccept(life -> life.stopBySignal(name))));
            }
            Lifecycle life = open(settings);
            Thread hook = new Thread(life.shutdown()::jvmEnds, "tableflip-shutdown");
            Runtime.getRuntime().addShutdownHook(hook);
            if (!life.isSupported()) {
                life.shutdown().exit().onMakingRoom(() -> makeRoom(handlers, hook));
            }
            if (life.hasParent()) {
                reportUncaught(Thread.currentThread(), life);
            }
            created.complete(life);
            return life;
        } finally {
            if (!created.isDone()) {
                handlers.forEach(Runnable::run);
                CREATED.set(false);
            }
        }
    }

    /** The exception that ends {@code main} is why the process did not become ready. */
    private static void reportUncaught(Thread thread, Lifecycle life) {
        Thread.UncaughtExceptionHandler before = thread.getUncaughtExceptionHandler();
        thread.setUncaughtExceptionHandler((failed, cause) -> {
            life.threadFailed(cause);
            before.uncaughtException(failed, cause);
        });
    }

    /**
     * Runs a program with an upgrader of its own, which is a stub where upgrades are not possible.
     *
     * @return why the process should end
     */
    public static ExitReason run(Settings settings, Program program) throws Exception {
        try (Lifecycle life = create(settings)) {
            try {
                program.start(life);
            } catch (Exception | Error e) {
                life.reportFailure(e);
                throw e;
            }
            life.readyUnlessCalled();
            return life.awaitExit();
        }
    }

    /** For the next stub of this process: a test may have one after the other. */
    private static void makeRoom(List<Runnable> handlers, Thread hook) {
        handlers.forEach(Runnable::run);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            LOG.log(DEBUG, "the JVM ends, and does the rest", e);
        }
        CREATED.set(false);
    }

    private static Lifecycle open(Settings settings) throws IOException {
        ProcFs proc = new ProcFs();
        @Nullable Launcher launcher = launcher(settings, proc);
        Optional<String> noUpgrades = settings.whyNoUpgrades();
        if (noUpgrades.isPresent()) {
            refuseParent(proc, noUpgrades.get());
            LOG.log(WARNING, "no upgrades here, all else works: {0}", noUpgrades.get());
        }
        @Nullable ParentLink link = launcher == null ? null : ParentLink.find(launcher.environment(), proc);
        Lifecycle life;
        try {
            life = new Lifecycle(settings, () -> Native.OS, proc, launcher, link);
        } catch (RuntimeException | Error e) { // no thread left, for example
            if (link != null) {
                link.failed(Failures.message(e));
            }
            throw e;
        }
        life.showToJvm(); // before there is anything to report
        life.start();
        return life;
    }

    /**
     * How to start this program again; {@code null} where upgrades are not possible. A failure to learn it
     * costs the upgrades, not the service.
     */
    static @Nullable Launcher launcher(Settings settings, ProcFs proc) {
        if (settings.whyNoUpgrades().isEmpty()) {
            try {
                return new Launcher(proc);
            } catch (IOException | RuntimeException e) {
                settings.withoutUpgrades("it is not known how this process was started (" + e
                        + "): allow it to read /proc/self/cmdline");
            }
        }
        return null;
    }

    /** A process that an upgrade has started must not become a stub: what its parent can do, it could not. */
    static void refuseParent(ProcFs proc, String why) throws IOException {
        if (!Files.isReadable(Path.of("/proc/self/fd"))) {
            return;
        }
        ParentLink parent = ParentLink.find(OwnEnvironment.read(proc), proc);
        if (parent != null) {
            String failure = "no upgrades are possible in the new process: " + why;
            parent.failed(failure);
            throw new IllegalStateException(failure);
        }
    }
}
