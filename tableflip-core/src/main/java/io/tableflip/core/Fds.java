package io.tableflip.core;

import java.io.IOException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The descriptors that came from the parent, and those that go to the child. Thread-safe.
 *
 * <p>Each name has one owner. A descriptor is <em>inherited</em> until it is claimed. It is <em>used</em>
 * from then on, as are descriptors that were added. The next upgrade passes on every used descriptor that is
 * open then. {@link Upgrader#ready()} closes what is still inherited, before this process takes over. Once
 * this process is the service, it removes the path of an inherited Unix socket that it has closed so.
 *
 * <p>The path of a Unix socket is removed by the last process that serves it: when the service stops, and
 * when the program closes the socket outside an upgrade. Paths of systemd's sockets stay. A child whose Unix
 * socket is not the one at its path, because somebody has removed or replaced the file, fails the upgrade.
 * The service looks once a minute and after a failed upgrade, and logs a warning.
 *
 * <p>While an upgrade is in progress, and while this process leaves, nothing can be claimed, reserved or
 * added: the child would not get it. The methods that do so then throw an {@link IllegalStateException}. When
 * the upgrade has failed they work again.
 */
public interface Fds {
    /**
     * Claims an inherited descriptor. The caller owns it from now on.
     *
     * @return empty if no descriptor of that name was inherited, or if it was claimed before
     * @throws IllegalStateException if it can be claimed no more, because an upgrade is in progress or this
     *     process is leaving
     */
    Optional<Fd> inherit(FdName name);

    /**
     * Reserves a name for a socket that is about to be made, or adopted. Nobody else can claim, reserve or
     * add that name until the reservation ends.
     *
     * @throws IllegalStateException if the name is in use in this process; or if an upgrade is in progress or
     *     this process is leaving
     */
    Reservation reserve(FdName name);

    /**
     * The names of the inherited descriptors that nobody has claimed yet, in the order in which the parent
     * passed them.
     */
    Set<FdName> inherited();

    /**
     * Those of {@link #inherited()} whose descriptors this test accepts.
     *
     * @param test is called with one descriptor after the other, which nobody else can claim meanwhile: it
     *     only looks at the descriptor, must not block, and must not call a method of this object
     */
    Set<FdName> inherited(Predicate<Fd> test);

    /**
     * The names of the inherited descriptors that were closed because nobody had claimed them before
     * {@link Upgrader#ready()}.
     */
    Set<FdName> unclaimed();

    /**
     * The names of the descriptors that were claimed or added. The next upgrade passes them on if they are
     * open then.
     */
    Set<FdName> used();

    /**
     * Adds a descriptor that its owner lends to each upgrade. It replaces a used one of the same name.
     *
     * @throws IllegalStateException if a descriptor of that name was inherited and not claimed, or if the
     *     name is reserved; or if an upgrade is in progress or this process is leaving
     */
    void add(FdName name, FdSource source);

    /** Removes a used descriptor: it is not passed on any more, and stays open. */
    void remove(FdName name);

    /** Claims the inherited file of that name. The same as {@link #inherit inherit(FdName.file(name))}. */
    default Optional<Fd> file(String name) {
        return inherit(FdName.file(name));
    }

    /** Claims every inherited file that nobody has claimed yet, by name. */
    Map<String, Fd> files();

    /**
     * Claims the inherited file of that name, or opens the path and adds it. Opening loads native code.
     *
     * <p>Opening a FIFO only for reading, or only for writing, blocks until another process opens the other
     * end. Upgrades are possible meanwhile.
     *
     * @param options READ, WRITE, APPEND, CREATE, CREATE_NEW, TRUNCATE_EXISTING, DSYNC and SYNC, as for
     *     {@link java.nio.channels.FileChannel#open}
     * @throws IllegalStateException if the name is in use in this process; or if an upgrade is in progress or
     *     this process is leaving
     * @throws IllegalArgumentException if an option is none of these
     * @throws IOException if the file cannot be opened
     */
    Fd file(String name, Path path, OpenOption... options) throws IOException;

    /** The right to a name, from before its socket exists until the socket is closed. Thread-safe. */
    interface Reservation extends AutoCloseable {
        /** The reserved name. */
        FdName name();

        /**
         * The inherited descriptor of that name. Whoever adopts it takes its number with
         * {@link Fd#release()}; a descriptor that is not released counts as inherited and unclaimed again
         * when the reservation ends.
         */
        Optional<Fd> inherited();

        /**
         * Takes the inherited descriptor of another name for this reservation: {@link #inherited()} is that
         * one from now on, and it is passed on under the reserved name. If a descriptor was inherited under
         * the reserved name too, the two change places: that one can be claimed under the other name.
         *
         * @return empty if no descriptor of the other name is inherited and unclaimed
         * @throws IllegalStateException if this reservation has ended, or took a descriptor before
         */
        Optional<Fd> inherit(FdName other);

        /**
         * Adds the descriptor under the reserved name.
         *
         * @throws IllegalStateException as {@link Fds#add}
         */
        void use(FdSource source);

        /**
         * Ends the reservation: the name is free, and nothing is passed on under it. Does nothing the second
         * time.
         */
        @Override
        void close();
    }
}
