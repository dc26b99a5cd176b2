/**
 * How this process was started, and how to start it again: command line, environment, socket activation, jars
 * that are overwritten. Knows the API, {@code os}, {@code text} and the variables of {@code link}; known by
 * the lifecycle.
 */
@NullMarked
package io.tableflip.core.launch;

import org.jspecify.annotations.NullMarked;
