package io.tableflip.core;

import java.io.IOException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The descriptors that came from the parent and those that go to the child. Thread-safe.
 *
 * <p>A descriptor is <em>inherited</em> until it is claimed, and <em>used</em> from then on, as are those that were added.
 * What is used is passed on at the next upgrade, if it is open then. What is still inherited when this process has become
 * the service is closed; the path of an inherited Unix socket is removed with it.
 */
public final class Fds {
    Fds() {}

    /**
     * Claims an inherited descriptor. The caller owns it from now on.
     *
     * @return empty if none of that name was inherited, or it was claimed before
     */
    public synchronized Optional<Fd> inherit(FdName name) {
        throw new UnsupportedOperationException();
    }

    /** The names of what was inherited and not claimed yet, in the order in which the parent passed them. */
    public synchronized Set<FdName> inherited() {
        throw new UnsupportedOperationException();
    }

    /** The names of what was claimed or added: passed on at the next upgrade if open then. */
    public synchronized Set<FdName> used() {
        throw new UnsupportedOperationException();
    }

    /**
     * Adds a descriptor, to be passed on from its owner at each upgrade. Replaces a used one of the same name: whoever
     * claims an inherited listener and makes a channel of it adds that channel under the same name.
     *
     * @throws IllegalStateException if a descriptor of that name was inherited and has not been claimed
     */
    public synchronized void add(FdName name, FdSource source) {
        throw new UnsupportedOperationException();
    }

    /** Forgets a used descriptor: it is not passed on any more, and stays open. */
    public synchronized void remove(FdName name) {
        throw new UnsupportedOperationException();
    }

    /** Claims the inherited file of that name. As {@link #inherit inherit(FdName.file(name))}. */
    public Optional<Fd> file(String name) {
        return inherit(FdName.file(name));
    }

    /** Claims every inherited file that was not claimed yet, by name. */
    public synchronized Map<String, Fd> files() {
        throw new UnsupportedOperationException();
    }

    /**
     * Claims the inherited file of that name, or opens the path and adds it. Loads native code if it has to open.
     *
     * @param options as for {@link java.nio.channels.FileChannel#open}: READ, WRITE, APPEND, CREATE, CREATE_NEW, TRUNCATE_EXISTING
     * @throws IOException if it cannot be opened
     */
    public Fd file(String name, Path path, OpenOption... options) throws IOException {
        throw new UnsupportedOperationException();
    }
}
