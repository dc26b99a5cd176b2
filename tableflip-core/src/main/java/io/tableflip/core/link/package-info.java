/**
 * The two pipes between parent and child: names, messages, the environment variables that announce them.
 * Knows the API, {@code os} and {@code text}; known by the lifecycle, by {@code launch} and by {@code ctl}.
 */
@NullMarked
package io.tableflip.core.link;

import org.jspecify.annotations.NullMarked;
