/**
 * Upgrades a running process without closing its listening sockets.
 *
 * <p>On the module path, {@code jdk.jfr} and {@code java.management} are used if they are in the module
 * graph.
 */
@SuppressWarnings("requires-automatic") // jnr has no module descriptors
module io.tableflip.core {
    requires static java.management;
    requires static jdk.jfr;
    requires static org.jspecify;
    requires jdk.unsupported; // signals
    requires org.jnrproject.constants;
    requires org.jnrproject.ffi;

    exports io.tableflip.core;
    exports io.tableflip.ctl;

    opens io.tableflip.core.os.libc; // jnr-ffi generates a class that implements the interface there
}
