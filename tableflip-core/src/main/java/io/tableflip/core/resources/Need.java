package io.tableflip.core.resources;

import io.tableflip.core.ChildCommand;
import java.io.IOException;
import java.util.List;

/** What an upgrade may need of one resource. */
interface Need {
    /**
     * Compares it with what is free.
     *
     * @param passed how many descriptors the child gets
     * @throws IOException if what it takes cannot be read
     */
    List<Shortage> shortages(ChildCommand command, int passed) throws IOException;
}
