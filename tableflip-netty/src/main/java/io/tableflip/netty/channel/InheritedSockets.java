package io.tableflip.netty.channel;

import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The inherited sockets of one kind that nobody has claimed, by what they are: the names of a parent may be
 * other ones for the same addresses. Thread-safe.
 */
final class InheritedSockets {
    /** Of a group, {@code #2}, or served together with a plain socket, {@code +2}. */
    private static final Pattern MEMBER = Pattern.compile("(.+)[#+]\\d{1,9}", Pattern.DOTALL);

    private final Fds fds;
    private final SocketKind kind;

    InheritedSockets(Fds fds, SocketKind kind) {
        this.fds = fds;
        this.kind = kind;
    }

    /** The name of a socket that is served together with the plain one of that name. */
    static FdName joinedTo(FdName plain, int number) {
        return new FdName(plain.kind(), plain.network(), plain.address() + "+" + number);
    }

    static boolean isJoinedTo(FdName plain, FdName other) {
        int end = plain.address().length();
        return other.address().length() > end
                && other.address().charAt(end) == '+'
                && base(other).equals(plain.address());
    }

    private static boolean isMember(FdName name) {
        return MEMBER.matcher(name.address()).matches();
    }

    /** What the members of a group have in common in their names; the name itself if it is of no group. */
    private static String base(FdName name) {
        Matcher member = MEMBER.matcher(name.address());
        return member.matches() ? member.group(1) : name.address();
    }

    /** Those at that address that are served together with the plain one of that name. */
    List<FdName> joinedTo(FdName plain, SocketAddress requested) {
        return at(requested, other -> isJoinedTo(plain, other));
    }

    /** The others at that address that were passed as members of the same group. */
    List<FdName> inGroupOf(FdName first, SocketAddress requested) {
        return at(requested).stream()
                .filter(other -> isMember(other) && base(other).equals(base(first)))
                .filter(other -> !other.equals(first))
                .toList();
    }

    /** Those that are what is requested, in the order in which they were passed. */
    List<FdName> at(SocketAddress requested) {
        return at(requested, name -> true);
    }

    private List<FdName> at(SocketAddress requested, Predicate<FdName> which) {
        Map<FdName, BoundAddress> all = where(which);
        all.values().removeIf(actual -> !actual.is(requested));
        return List.copyOf(all.keySet());
    }

    /** Those because of which the kernel refuses a bind to that address, and where they are bound. */
    Map<FdName, BoundAddress> inTheWayOf(SocketAddress requested) {
        Map<FdName, BoundAddress> all = where(name -> true);
        all.values().removeIf(actual -> !actual.isInTheWayOf(requested));
        return all;
    }

    /** Asks the kernel about those of these names only: a program may have thousands. */
    private Map<FdName, BoundAddress> where(Predicate<FdName> which) {
        Map<FdName, BoundAddress> all = new LinkedHashMap<>();
        fds.inherited(fd -> {
            Optional<InheritedSocket> found = which.test(fd.name()) ? look(fd) : Optional.empty();
            found.flatMap(InheritedSocket::boundAddress).ifPresent(bound -> all.put(fd.name(), bound));
            return false;
        });
        return all;
    }

    /** Empty if it is not of this kind: then it is of no interest here, whatever is wrong with it. */
    private Optional<InheritedSocket> look(Fd fd) {
        return kind.mayBe(fd.name()) ? InheritedSocket.find(fd, kind) : Optional.empty();
    }

    /**
     * Why no further socket can be bound to the address of these; empty if that is possible. The sockets
     * share their address (SO_REUSEPORT) from now on.
     */
    Optional<String> shareAddress(List<FdName> members) {
        List<String> refusals = new ArrayList<>();
        fds.inherited(fd -> {
            if (members.contains(fd.name())) {
                look(fd).flatMap(InheritedSocket::shareAddress).ifPresent(refusals::add);
            }
            return false;
        });
        return refusals.stream().findFirst();
    }
}
