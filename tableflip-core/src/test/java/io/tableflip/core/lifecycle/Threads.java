package io.tableflip.core.lifecycle;

/** Threads of tests. */
final class Threads {
    private Threads() {}

    /** An executor for what may block: it holds up nothing else, nor the end of the JVM. */
    static void onOneOfItsOwn(Runnable task) {
        Thread thread = new Thread(task, "of a test");
        thread.setDaemon(true);
        thread.start();
    }
}
