/**
 * Whether there are resources for a child: memory, threads and descriptors, under the limits of the cgroups,
 * of the user, of this process and of the machine. {@code Admission} asks each {@code Need} for what is
 * short. Knows the API, {@code os} and {@code text}; known by the lifecycle.
 */
@NullMarked
package io.tableflip.core.resources;

import org.jspecify.annotations.NullMarked;
