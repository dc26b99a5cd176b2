/**
 * Test code that more than one module uses: waiting, processes and their signals, clients. It depends on no other module, so that the
 * tests of each can depend on it.
 */
@NullMarked
package io.tableflip.testsupport;

import org.jspecify.annotations.NullMarked;
