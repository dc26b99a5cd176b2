/**
 * The drain of the connections of one listener, from the event to the report. Knows
 * {@link io.tableflip.netty.DrainEvent} and {@link io.tableflip.netty.DrainPolicy}; known by {@code channel},
 * and by the policy that closes idle connections.
 */
@NullMarked
package io.tableflip.netty.drain;

import org.jspecify.annotations.NullMarked;
