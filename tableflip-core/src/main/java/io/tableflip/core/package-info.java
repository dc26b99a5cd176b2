/**
 * Upgrades a running process without closing its listening sockets.
 *
 * <p><b>One or two processes exist at any time, at most one of them not ready.</b> An upgrade spawns a new
 * copy of this process and passes it the descriptors in use. The new process, the child, initialises and says
 * that it is ready; the old one, the parent, drains and leaves. Until the child has committed, the parent can
 * take the service back.
 *
 * <p>{@link io.tableflip.core.Upgrader} is the way in: {@code ready()}, {@code upgrade()}, {@code stop()},
 * {@code awaitExit()}. {@link io.tableflip.core.State} shows the life of a process.
 * {@link io.tableflip.core.Fds} holds the descriptors, by name: what came from the parent, and what goes to
 * the child. A {@link io.tableflip.core.Participant} is a part of the program that works in one process only,
 * or must finish its work first; servers on Netty are participants that the module tableflip-netty makes.
 * {@link io.tableflip.core.LifecycleListener} hears of each step.
 *
 * <p>The protocol between the processes is that of Go's tableflip (level 1), with more said when both sides
 * are this library (level 2).
 */
@NullMarked
package io.tableflip.core;

import org.jspecify.annotations.NullMarked;
