/**
 * Whether there is memory for a child, under the limits of the cgroups and on the machine. Knows the API,
 * {@code os} and {@code text}; known by the lifecycle.
 */
@NullMarked
package io.tableflip.core.memory;

import org.jspecify.annotations.NullMarked;
