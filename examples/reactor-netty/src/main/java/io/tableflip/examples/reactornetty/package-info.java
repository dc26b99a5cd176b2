/** A Reactor Netty server that can be upgraded, and a client that watches it. */
@NullMarked
package io.tableflip.examples.reactornetty;

import org.jspecify.annotations.NullMarked;
