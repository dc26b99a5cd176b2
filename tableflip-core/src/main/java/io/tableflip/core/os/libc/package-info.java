/**
 * The functions of the C library as jnr-ffi binds them. A package of its own, because jnr-ffi's generated
 * classes need access to it, and to nothing else. Known by {@code os}.
 */
@NullMarked
package io.tableflip.core.os.libc;

import org.jspecify.annotations.NullMarked;
