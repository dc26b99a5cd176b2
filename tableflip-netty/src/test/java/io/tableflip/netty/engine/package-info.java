@NullMarked
package io.tableflip.netty.engine;

import org.jspecify.annotations.NullMarked;
