/**
 * What an upgrade costs, measured beside the peers: everything in one run on one machine, in an order that is interleaved, so that what disturbs
 * the machine disturbs all alike.
 *
 * <p>A {@link io.tableflip.benchmarks.Part} measures one thing and writes its tables into the {@link io.tableflip.benchmarks.Report}; {@link
 * io.tableflip.benchmarks.Bench} runs the parts.
 */
@NullMarked
package io.tableflip.benchmarks;

import org.jspecify.annotations.NullMarked;
