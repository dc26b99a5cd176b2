/**
 * Upgrades a running process without closing its listening sockets.
 *
 * <p>On the module path, {@code jdk.jfr} and {@code java.management} are used if they are in the module
 * graph.
 */
@SuppressWarnings({"requires-automatic", "module"}) // jnr has no module descriptors; netty is compiled later
module io.tableflip.core {
    requires static java.management;
    requires static jdk.jfr;
    requires static org.jspecify;
    requires jdk.unsupported; // signals
    requires org.jnrproject.constants;
    requires org.jnrproject.ffi;

    exports io.tableflip.core;
    exports io.tableflip.core.log to
            io.tableflip.netty;
    exports io.tableflip.core.transfer to
            io.tableflip.netty;
    exports io.tableflip.ctl;

    opens io.tableflip.core.os.libc; // jnr-ffi generates a class that implements the interface there
}
