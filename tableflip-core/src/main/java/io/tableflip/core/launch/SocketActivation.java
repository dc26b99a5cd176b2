package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.FdName;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The sockets that systemd has passed to the first generation (sd_listen_fds(3)): it inherits them as the
 * next one inherits from it. A child does not see the variables, only which of its Unix sockets are
 * systemd's, whose paths are not for us to remove.
 */
public final class SocketActivation {
    private static final System.Logger LOG = Log.get();

    /** The inodes of the Unix sockets whose paths are not ours to remove, for the generations that follow. */
    public static final String KEEP = "TABLEFLIP_KEEP_SOCKETS";

    private static final String PID = "LISTEN_PID";
    private static final String COUNT = "LISTEN_FDS";
    private static final String NAMES = "LISTEN_FDNAMES";
    /** Names that systemd gives where the unit has none. */
    private static final Set<String> NO_NAMES = Set.of("", "unknown", "stored", "connection");

    private static final int FIRST = 3;
    private static final int MOST = 100_000;
    private static final long NO_SOCKET = -1;

    private final Map<String, String> environment;
    private final ProcFs proc;
    private final NetTables tables;
    private final Map<Integer, FdName> passed = new LinkedHashMap<>();
    private final Map<FdName, FdName> aliases = new HashMap<>();
    private final Set<Long> unixSockets = new HashSet<>();

    private SocketActivation(Map<String, String> environment, ProcFs proc) {
        this.environment = environment;
        this.proc = proc;
        tables = new NetTables(proc);
    }

    /** The variables that are for one process only. */
    static boolean isOwn(String variable) {
        return variable.equals(PID) || variable.equals(COUNT) || variable.equals(NAMES) || variable.equals(KEEP);
    }

    /** The inodes that an earlier generation has named. */
    public static Set<Long> kept(Map<String, String> environment) {
        return Stream.of(environment.getOrDefault(KEEP, "").split(",", -1))
                .filter(inode -> inode.matches("\\d{1,18}"))
                .map(Long::parseLong)
                .collect(Collectors.toSet());
    }

    /** The value of {@link #KEEP}. */
    public static String variable(Set<Long> kept) {
        return kept.stream().sorted().map(String::valueOf).collect(Collectors.joining(","));
    }

    /**
     * Looks at what has been passed; nothing at all most of the time. What makes no sense is logged, and the
     * service goes on.
     */
    public static SocketActivation of(Map<String, String> environment, ProcFs proc, long pid) {
        SocketActivation activation = new SocketActivation(environment, proc);
        String count = environment.get(COUNT);
        if (count != null) {
            activation.read(count, pid);
        }
        return activation;
    }

    /** By their numbers, under names made of their addresses. */
    public Map<Integer, FdName> passed() {
        return Collections.unmodifiableMap(passed);
    }

    /**
     * Other names under which they can be claimed: the logical ones of the unit, and other ways to write an
     * address.
     */
    public Map<FdName, FdName> aliases() {
        return Collections.unmodifiableMap(aliases);
    }

    /** The inodes of those that are Unix sockets. */
    public Set<Long> unixSockets() {
        return Collections.unmodifiableSet(unixSockets);
    }

    private void read(String countText, long pid) {
        String forPid = environment.getOrDefault(PID, "");
        if (!forPid.equals(Long.toString(pid))) {
            LOG.log(
                    WARNING,
                    "{0}={1} is for process {2} and this is {3}: ignored (a start script must exec the JVM)",
                    COUNT,
                    Printable.of(countText),
                    Printable.of(forPid),
                    Long.toString(pid));
            return;
        }
        int count = countText.matches("\\d{1,6}") ? Integer.parseInt(countText) : MOST + 1;
        if (count > MOST) {
            LOG.log(WARNING, "{0}={1} is not a number of descriptors: ignored", COUNT, Printable.of(countText));
            return;
        }
        Map<Integer, Long> inodes = new LinkedHashMap<>();
        for (int fd = FIRST; fd < FIRST + count; fd++) {
            if (proc.isPassed(fd)) {
                inodes.put(fd, proc.inode(fd, "socket").orElse(NO_SOCKET));
            } else {
                LOG.log(WARNING, "{0}={1}, but descriptor {2} was not passed", COUNT, countText, fd);
            }
        }
        Map<Long, FdName> found = find(new HashSet<>(inodes.values()));
        String[] names = environment.getOrDefault(NAMES, "").split(":", -1);
        List<Passed> all = new ArrayList<>();
        inodes.forEach((fd, inode) -> {
            String name = fd - FIRST < names.length ? names[fd - FIRST] : "";
            all.add(new Passed(fd, inode, NO_NAMES.contains(name) ? "" : name, Optional.ofNullable(found.get(inode))));
        });
        all.forEach(one -> add(one, all));
        LOG.log(INFO, "passed by systemd: {0}", passed.values());
    }

    /** @param found its kind and address, if it is a socket that can be told from others */
    private record Passed(int fd, long inode, String name, Optional<FdName> found) {
        /** The name for people, in place of the address. */
        Optional<FdName> logical() {
            return name.isEmpty() ? Optional.empty() : found.map(socket -> with(socket, name));
        }
    }

    private void add(Passed one, List<Passed> all) {
        if (one.found.isEmpty()) {
            passed.put(one.fd, unique(FdName.file(one.name.isEmpty() ? "systemd-" + one.fd : one.name)));
            return;
        }
        FdName found = one.found.get();
        List<Integer> group = all.stream()
                .filter(other -> other.found.equals(one.found))
                .map(Passed::fd)
                .toList();
        // several at one address are a group, as those of SO_REUSEPORT are
        String member = group.size() == 1 ? "" : "#" + group.indexOf(one.fd);
        FdName primary = with(found, found.address() + member);
        passed.put(one.fd, primary);
        if (found.network().startsWith("unix")) {
            unixSockets.add(one.inode);
        }
        if (found.address().startsWith("[::]:")) { // for IPv4 too, most of the time, and Java has one wildcard for both
            aliases.put(with(found, "0.0.0.0" + found.address().substring(4) + member), primary);
        }
        one.logical().ifPresent(logical -> alias(logical, primary, all));
    }

    private void alias(FdName logical, FdName primary, List<Passed> all) {
        if (all.stream().anyMatch(other -> other.found.equals(Optional.of(logical)))) {
            LOG.log(INFO, "{0}: its name is an address that was passed too, it is bound by its own", primary);
            return;
        }
        long times = all.stream()
                .filter(other -> other.logical().equals(Optional.of(logical)))
                .count();
        if (times == 1) {
            aliases.put(logical, primary);
        } else if (!passed.containsValue(logical)) {
            LOG.log(INFO, "{0}: {1} sockets have this name, it is bound by its address", primary, Long.toString(times));
        }
    }

    private static FdName with(FdName socket, String address) {
        return new FdName(socket.kind(), socket.network(), address);
    }

    private FdName unique(FdName name) {
        FdName unique = name;
        for (int i = 1; passed.containsValue(unique); i++) {
            unique = FdName.file(name.address() + "#" + i);
        }
        return unique;
    }

    private Map<Long, FdName> find(Set<Long> inodes) {
        try {
            return tables.find(inodes);
        } catch (IOException e) {
            LOG.log(WARNING, "what systemd has passed cannot be found out", e);
            return Map.of();
        }
    }
}
