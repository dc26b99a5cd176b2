/**
 * The operating system: system calls behind one interface, {@code /proc}, processes, signals, the PID file.
 * Knows {@code text}, and of the API only names and {@link io.tableflip.core.SystemCallException}. All
 * packages but the API and {@code text} know it.
 */
@NullMarked
package io.tableflip.core.os;

import org.jspecify.annotations.NullMarked;
