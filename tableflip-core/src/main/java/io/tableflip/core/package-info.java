@NullMarked
package io.tableflip.core;

import org.jspecify.annotations.NullMarked;
