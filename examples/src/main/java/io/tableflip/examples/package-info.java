@NullMarked
package io.tableflip.examples;

import org.jspecify.annotations.NullMarked;
