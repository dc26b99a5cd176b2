/**
 * Connections that survive an upgrade: the handlers that find the boundaries of a protocol, and the events of
 * a connection that is transferred. Knows {@code engine} and {@code exchange}; known by users alone.
 */
@NullMarked
package io.tableflip.netty.transfer;

import org.jspecify.annotations.NullMarked;
