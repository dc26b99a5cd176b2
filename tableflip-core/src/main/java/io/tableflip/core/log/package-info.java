/**
 * The log. Knows nothing else, and may be known by all: the Netty module writes to the same log, so this
 * package is exported to it, and to nobody else.
 */
@NullMarked
package io.tableflip.core.log;

import org.jspecify.annotations.NullMarked;
