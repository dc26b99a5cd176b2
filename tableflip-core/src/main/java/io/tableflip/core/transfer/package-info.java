/**
 * The channel on which connections go from the parent to the child: descriptors, each with a record of which
 * this package knows nothing. Open from the spawn to the exit of the parent, used from the commit on. Knows
 * the API and
 * {@code os}; known by {@code lifecycle} and by the Netty module.
 */
@NullMarked
package io.tableflip.core.transfer;

import org.jspecify.annotations.NullMarked;
