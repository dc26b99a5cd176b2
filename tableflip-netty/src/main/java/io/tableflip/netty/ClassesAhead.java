package io.tableflip.netty;

import static java.lang.System.Logger.Level.DEBUG;

/**
 * Loads the classes of this package that a bind and {@code ready()} need, on a thread beside, while Netty loads its native code: as core does with
 * its own.
 */
final class ClassesAhead implements Runnable {
    private static final System.Logger LOG = System.getLogger("io.tableflip");

    /** In the order in which they are needed. */
    private static final String[] NAMES = {
        "UpgradableServers", "Drain", "DrainEvent", "Addresses", "SocketKind", "ChannelMaker$Request", "ChannelMaker",
                "Bound",
        "Listener", "SharedChannel", "EpollLoops", "NameLease", "InheritedSocket", "Binding", "Gate", "Tasks"
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
        for (String name : NAMES) {
            Class.forName(packageName + name, true, loader);
        }
    }
}
