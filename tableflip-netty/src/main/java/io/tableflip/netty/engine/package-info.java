/**
 * The transfer of the connections of one listener: from the commit in the parent to the pipeline in the
 * child. Knows core and {@code drain}; known by {@code channel} and {@code transfer}.
 */
@NullMarked
package io.tableflip.netty.engine;

import org.jspecify.annotations.NullMarked;
