package io.tableflip.core;

import static java.lang.System.Logger.Level.DEBUG;

/**
 * Loads the classes that the way to {@code ready()} needs, on a thread beside, while the program prepares other things (Netty loads its native
 * code, for example): a new process that is begun under load spends most of its time on the loading of classes, one after the other.
 */
final class ClassesAhead implements Runnable {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** In the order in which they are needed. */
    private static final String[] NAMES = {
        "Settings",
        "Lifecycle",
        "UpgradeException",
        "ProcFs",
        "Launcher",
        "RawString",
        "ChildCommand",
        "ParentLink",
        "ParentLink$Identity",
        "SystemCallException",
        "WrongDescriptorException",
        "Os",
        "PatientExecutor",
        "CallThreads",
        "Participants",
        "Participants$Phase",
        "JarWatch",
        "State",
        "Loop",
        "Loop$Timer",
        "Fds",
        "UnixPaths",
        "Reporting",
        "UpgradeHistory",
        "Observers",
        "ListenerObserver",
        "StatusFile",
        "ServiceStatus",
        "FreshFile",
        "ServiceFiles",
        "PidFile",
        "SdNotify",
        "ChildMemory",
        "IdleBoot",
        "Cgroups",
        "Takeover",
        "Departure",
        "Exit",
        "Preparation",
        "SocketActivation",
        "NetTables",
        "Gob",
        "Message",
        "Message$Decoder",
        "Printable",
        "FdName",
        "FdName$Kind",
        "Fd",
        "FdSource",
        "Participant",
        "Participants$Key",
        "Move",
        "Checkpoint"
    };

    private final String packageName = ClassesAhead.class.getPackageName() + ".";
    private final ClassLoader loader = ClassesAhead.class.getClassLoader();

    /** Begins, and does not wait for the end. */
    static void begin() {
        Thread thread = new Thread(new ClassesAhead(), "tableflip-classes");
        thread.setDaemon(true);
        thread.start();
    }

    /** Whatever fails here will fail, and be told, where it is needed. */
    @Override
    public void run() {
        try {
            load();
        } catch (ClassNotFoundException | LinkageError | RuntimeException e) {
            LOG.log(DEBUG, "the classes are loaded when they are needed", e);
        }
    }

    void load() throws ClassNotFoundException {
        Signals.prepare();
        for (String name : NAMES) {
            Class.forName(packageName + name, true, loader);
        }
    }
}
