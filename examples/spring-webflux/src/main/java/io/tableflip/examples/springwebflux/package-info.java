/** A Spring Boot WebFlux server that can be upgraded, and a client that watches it. */
@NullMarked
package io.tableflip.examples.springwebflux;

import org.jspecify.annotations.NullMarked;
