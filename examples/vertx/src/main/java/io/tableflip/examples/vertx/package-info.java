/** A Vert.x server that can be upgraded, and a client that watches it. */
@NullMarked
package io.tableflip.examples.vertx;

import org.jspecify.annotations.NullMarked;
