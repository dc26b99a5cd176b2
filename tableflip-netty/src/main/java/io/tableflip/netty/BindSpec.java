package io.tableflip.netty;

import static java.util.Objects.requireNonNull;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * What {@link UpgradableServers} binds: an address, and how its socket is passed on. Immutable and
 * thread-safe; each method returns a changed copy.
 *
 * <p>An address is an {@link java.net.InetSocketAddress}, or Netty's
 * {@link io.netty.channel.unix.DomainSocketAddress} for a Unix socket. An abstract name begins with a zero
 * byte there, and with {@code @} in the names and messages of this library.
 */
public final class BindSpec {
    private static final Duration HALF_A_SECOND = Duration.ofMillis(500);

    private final SocketAddress address;
    private final String name;
    private final DrainPolicy policy;
    private final Duration quiet;
    private final boolean replaceStaleSocket;

    private BindSpec(
            SocketAddress address, String name, DrainPolicy policy, Duration quiet, boolean replaceStaleSocket) {
        this.address = address;
        this.name = name;
        this.policy = policy;
        this.quiet = quiet;
        this.replaceStaleSocket = replaceStaleSocket;
    }

    /**
     * A socket at this address, with the address as its name, that drains by {@link DrainPolicy#HANDLERS}.
     */
    public static BindSpec of(SocketAddress address) {
        return new BindSpec(requireNonNull(address), "", DrainPolicy.HANDLERS, HALF_A_SECOND, false);
    }

    /**
     * Gives the socket a logical name. The child finds it under that name even if the address is a port 0
     * there, or has changed. No other socket of the same kind in this program may
     * have that name.
     *
     * @throws IllegalArgumentException if the name is empty
     */
    public BindSpec name(String logical) {
        if (logical.isEmpty()) {
            throw new IllegalArgumentException("an empty name");
        }
        return new BindSpec(address, logical, policy, quiet, replaceStaleSocket);
    }

    /** Sets how the connections of a listener are asked to leave; {@link DrainPolicy#HANDLERS} by default. */
    public BindSpec drain(DrainPolicy how) {
        return new BindSpec(address, name, requireNonNull(how), quiet, replaceStaleSocket);
    }

    /**
     * For datagrams: sets how long nothing has to be written until the datagrams that were read count as
     * answered; 500 ms by default. Longer than an answer takes.
     *
     * @throws IllegalArgumentException if the time is not more than zero
     */
    public BindSpec quiet(Duration time) {
        if (time.isNegative() || time.isZero()) {
            throw new IllegalArgumentException("quiet: " + time + " is not more than zero");
        }
        return new BindSpec(address, name, policy, time, replaceStaleSocket);
    }

    /**
     * For a Unix socket: before the bind, removes a socket file at which nobody listens, as a process leaves
     * it that is killed. Without this such a bind fails. What is not a socket always stays.
     */
    public BindSpec replaceStaleSocket() {
        return new BindSpec(address, name, policy, quiet, true);
    }

    /** The address. */
    public SocketAddress address() {
        return address;
    }

    /** The logical name; empty if the address is the name. */
    public Optional<String> name() {
        return name.isEmpty() ? Optional.empty() : Optional.of(name);
    }

    /** How the connections of a listener are asked to leave. */
    public DrainPolicy drain() {
        return policy;
    }

    /** For datagrams: how long nothing has to be written. */
    public Duration quiet() {
        return quiet;
    }

    /** Whether a stale socket file is removed before the bind. */
    public boolean replacesStaleSocket() {
        return replaceStaleSocket;
    }

    @Override
    public String toString() {
        return (name.isEmpty() ? "" : name + " at ") + address + ", drained by " + policy;
    }
}
