@NullMarked
package io.tableflip.netty;

import org.jspecify.annotations.NullMarked;
