/**
 * HTTP/1.1 messages as a handler behind the codec sees them: what is a head, what is an end, what is under
 * way. Knows nothing else of this library; known by {@code http} and {@code transfer}.
 */
@NullMarked
package io.tableflip.netty.exchange;

import org.jspecify.annotations.NullMarked;
