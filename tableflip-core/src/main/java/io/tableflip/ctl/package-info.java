/**
 * The command line for a running service. A process of its own: it knows the service by its PID file, its
 * status file and signals. Knows {@code os}, {@code observe}, {@code text} and the variables of {@code link};
 * known by nobody.
 */
@NullMarked
package io.tableflip.ctl;

import org.jspecify.annotations.NullMarked;
