package io.tableflip.core.launch;

import io.tableflip.core.FdName;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.os.UnixPaths;
import java.io.IOException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the kernel's tables say of a socket by its inode: its kind and its address. Without native code. */
final class NetTables {
    private static final String LISTENING = "0A";
    private static final int INODE = 9;

    private final ProcFs proc;

    NetTables(ProcFs proc) {
        this.proc = proc;
    }

    /**
     * The names of sockets by their inodes: the address as {@link FdName} has it, an IPv6 one in its short
     * form. Each table is read once, since it may be that of a busy machine.
     *
     * @return without those that no table has: they are of another family, or of another network namespace
     */
    Map<Long, FdName> find(Set<Long> inodes) throws IOException {
        Map<Long, FdName> found = new HashMap<>();
        if (inodes.isEmpty()) {
            return found;
        }
        for (String network : List.of("tcp", "tcp6", "udp", "udp6")) {
            for (String line : proc.internetSockets(network)) {
                String[] fields = line.strip().split(" +", -1);
                if (fields.length > INODE && fields[INODE].matches("\\d{1,18}")) {
                    long inode = Long.parseLong(fields[INODE]);
                    if (inodes.contains(inode)) {
                        found.put(inode, internet(network.substring(0, 3), fields));
                    }
                }
            }
        }
        found.putAll(new UnixPaths(proc).names(inodes));
        return found;
    }

    private static FdName internet(String network, String... fields) {
        String address = address(fields[1]);
        if (network.equals("udp")) {
            return FdName.packet(network, address);
        }
        return fields[3].equals(LISTENING) ? FdName.listener(network, address) : FdName.conn(network, address);
    }

    /**
     * {@code 0100007F:1F90}: words of four bytes, each in the order of the machine, which is the
     * little-endian one.
     */
    private static String address(String hex) {
        int colon = hex.indexOf(':');
        byte[] bytes = HexFormat.of().parseHex(hex.substring(0, colon));
        for (int word = 0; word < bytes.length; word += 4) {
            swap(bytes, word, word + 3);
            swap(bytes, word + 1, word + 2);
        }
        String host = bytes.length == 4 ? four(bytes) : "[" + Ipv6Text.of(bytes) + "]";
        return host + ":" + Integer.parseInt(hex.substring(colon + 1), 16);
    }

    private static void swap(byte[] bytes, int one, int other) {
        byte held = bytes[one];
        bytes[one] = bytes[other];
        bytes[other] = held;
    }

    private static String four(byte... bytes) {
        return (bytes[0] & 0xff) + "." + (bytes[1] & 0xff) + "." + (bytes[2] & 0xff) + "." + (bytes[3] & 0xff);
    }
}
