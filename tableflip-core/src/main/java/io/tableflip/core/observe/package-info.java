/**
 * Those who are notified of what happens in a process: the user's listener, systemd, the status file, the
 * flight recorder, JMX. They know the API, {@code os} and {@code text}, and never the lifecycle, which knows
 * them.
 */
@NullMarked
package io.tableflip.core.observe;

import org.jspecify.annotations.NullMarked;
