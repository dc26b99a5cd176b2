/**
 * The life of a process: becoming the service, handing it over, leaving. One thread, the loop, owns all
 * state; the table of moves says what may happen when. This package knows all others of this module except
 * {@code ctl}; only {@code Upgrader.Builder} and the test seam know it.
 */
@NullMarked
package io.tableflip.core.lifecycle;

import org.jspecify.annotations.NullMarked;
