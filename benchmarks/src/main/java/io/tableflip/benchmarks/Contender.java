package io.tableflip.benchmarks;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A server, and how it is upgraded while it serves.
 *
 * @param name for the tables
 * @param missing what is not installed here, so that it cannot be measured; {@code null} if nothing is
 * @param command writes what the server needs into its directory, and says how to start it
 * @param upgrade all steps of an upgrade, up to the last signal
 * @param stays whether the process that was started first stays, as a master does
 */
record Contender(String name, @Nullable String missing, Command command, Upgrade upgrade, boolean stays) {
    /** Gives the command line of a server. */
    interface Command {
        List<String> of(ContenderServer server) throws IOException, InterruptedException;
    }

    /** Upgrades a server. */
    interface Upgrade {
        void of(ContenderServer server) throws IOException, InterruptedException;
    }
}
