/**
 * Handlers that end the connections of a protocol without losing a request: HTTP/1.1, event streams,
 * WebSocket, HTTP/2. They know only {@link io.tableflip.netty.DrainEvent}, as a handler of one's own would.
 * Each needs the Netty codec of its protocol.
 */
@NullMarked
package io.tableflip.netty.http;

import org.jspecify.annotations.NullMarked;
