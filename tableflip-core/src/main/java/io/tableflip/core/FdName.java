package io.tableflip.core;

import static java.util.Objects.requireNonNull;

import io.tableflip.core.text.Printable;
import java.util.Locale;

/**
 * The name under which a descriptor is passed from one generation to the next.
 *
 * <p>The address is what the user wrote, not what the kernel made of it: {@code 127.0.0.1:0} stays
 * {@code 127.0.0.1:0}. A logical name may stand in its place, so that a child finds a listener whose
 * configured address is written another way. Immutable and thread-safe.
 *
 * @param kind what the descriptor is
 * @param network {@code tcp}, {@code udp}, {@code unix}, {@code unixpacket} or {@code unixgram}; empty for
 *     {@link Kind#FD}
 * @param address the address or a logical name; the name of the file for {@link Kind#FD}
 */
public record FdName(Kind kind, String network, String address) {
    /** What a descriptor is. */
    public enum Kind {
        /** A listening stream socket. */
        LISTENER,
        /** A bound datagram socket. */
        PACKET,
        /** An established connection. */
        CONN,
        /** Any other file: a log pipe, a lock, a memory file. */
        FD;

        private final String word = name().toLowerCase(Locale.ROOT);

        /** The word for this kind in the wire protocol and in {@link FdName#toString()}. */
        public String word() {
            return word;
        }
    }

    /**
     * @throws IllegalArgumentException if the address is empty, or if there is a network without need or none
     * where there must be one
     */
    public FdName {
        requireNonNull(kind, "kind");
        requireNonNull(network, "network");
        requireNonNull(address, "address");
        if (address.isEmpty()) {
            throw new IllegalArgumentException("a descriptor needs an address or a name");
        }
        if (network.isEmpty() != (kind == Kind.FD)) {
            throw new IllegalArgumentException(
                    kind == Kind.FD
                            ? "a file has no network: " + network
                            : kind.word() + " " + address + ": no network");
        }
    }

    /** The name of a listening socket, {@code listener("tcp", "127.0.0.1:8080")} for example. */
    public static FdName listener(String network, String address) {
        return new FdName(Kind.LISTENER, network, address);
    }

    /** The name of a datagram socket. */
    public static FdName packet(String network, String address) {
        return new FdName(Kind.PACKET, network, address);
    }

    /** The name of an established connection. */
    public static FdName conn(String network, String address) {
        return new FdName(Kind.CONN, network, address);
    }

    /** The name of a file. */
    public static FdName file(String name) {
        return new FdName(Kind.FD, "", name);
    }

    /**
     * The parts of the name, joined by colons: {@code listener:tcp:127.0.0.1:8080}, {@code fd:audit.log}.
     * What cannot be printed is escaped.
     */
    @Override
    public String toString() {
        return Printable.of(kind.word() + ":" + (kind == Kind.FD ? "" : network + ":") + address);
    }
}
