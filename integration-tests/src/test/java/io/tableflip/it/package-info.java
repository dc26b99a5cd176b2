/** Real processes, real clients, faults. {@link io.tableflip.it.Service} starts the programs under test and cleans up after them. */
@NullMarked
package io.tableflip.it;

import org.jspecify.annotations.NullMarked;
