/**
 * Channels of sockets that are passed on: how they are made, bound, gated and lent. Knows the public package,
 * {@code drain} and {@code engine}; known by {@link io.tableflip.netty.UpgradableServers} and the warm-up.
 */
@NullMarked
package io.tableflip.netty.channel;

import org.jspecify.annotations.NullMarked;
