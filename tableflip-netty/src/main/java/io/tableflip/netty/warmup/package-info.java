/**
 * The warm-up of a new process by requests to itself. Knows the API of core, and which event loops are of
 * epoll.
 */
@NullMarked
package io.tableflip.netty.warmup;

import org.jspecify.annotations.NullMarked;
