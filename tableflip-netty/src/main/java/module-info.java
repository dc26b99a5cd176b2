/**
 * Netty servers whose listening sockets outlive the process.
 *
 * <p>On the module path a program adds the module of Netty's native library,
 * {@code io.netty.transport.epoll.linux.x86_64} or {@code io.netty.transport.epoll.linux.aarch_64}, with
 * {@code --add-modules}, and the codecs of the handlers that it uses.
 */
module io.tableflip.netty {
    requires static io.netty.codec.http;
    requires static io.netty.codec.http2;
    requires static org.jspecify;
    requires transitive io.netty.buffer;
    requires transitive io.netty.common;
    requires transitive io.netty.transport;
    requires transitive io.netty.transport.unix.common;
    requires transitive io.tableflip.core;
    requires io.netty.codec;
    requires io.netty.handler;
    requires io.netty.transport.classes.epoll;

    exports io.tableflip.netty;
    exports io.tableflip.netty.http;
    exports io.tableflip.netty.transfer;
    exports io.tableflip.netty.warmup;
}
