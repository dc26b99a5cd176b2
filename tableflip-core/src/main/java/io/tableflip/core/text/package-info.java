/**
 * Text as the kernel, the JVM and terminals read and write it. Knows nothing else, and may be known by all.
 */
@NullMarked
package io.tableflip.core.text;

import org.jspecify.annotations.NullMarked;
