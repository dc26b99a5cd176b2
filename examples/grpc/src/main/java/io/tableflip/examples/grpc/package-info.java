/** A gRPC server that can be upgraded, and a client that watches it. */
@NullMarked
package io.tableflip.examples.grpc;

import org.jspecify.annotations.NullMarked;
