/**
 * How the tests of other modules reach the internals of this one. Not part of the API:
 * {@link io.tableflip.core.testing.TestSeam} may change in every release, and the module descriptor does not
 * export this package.
 */
@NullMarked
package io.tableflip.core.testing;

import org.jspecify.annotations.NullMarked;
