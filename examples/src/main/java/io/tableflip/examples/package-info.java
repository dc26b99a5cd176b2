/**
 * An example server to copy from, and what it takes to see that it can be upgraded unnoticed.
 *
 * <p>{@code HttpExample} is the server, {@code HttpExampleHandler} what it does; {@code WebSocketExample} and
 * {@code ChatExample} keep something for each connection across upgrades; {@link
 * io.tableflip.examples.StrictLoad} is a client that counts whatever a client could notice; {@code Demo}
 * brings the two together. {@link io.tableflip.examples.Main} starts any of them.
 */
@NullMarked
package io.tableflip.examples;

import org.jspecify.annotations.NullMarked;
