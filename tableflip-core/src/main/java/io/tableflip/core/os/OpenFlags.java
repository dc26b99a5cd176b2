package io.tableflip.core.os;

import java.nio.file.OpenOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/** The flags of open(2) for Java's options. The numbers are those of x86-64 and aarch64. */
public final class OpenFlags {
    private static final int WRITE_ONLY = 01;
    private static final int READ_WRITE = 02;

    private OpenFlags() {}

    /**
     * The flags for these options.
     *
     * @throws IllegalArgumentException if an option has no flag
     */
    public static int of(OpenOption... options) {
        Set<OpenOption> set = Set.of(options);
        int flags = set.stream().mapToInt(OpenFlags::flag).reduce(0, (a, b) -> a | b);
        boolean write = set.contains(StandardOpenOption.WRITE) || set.contains(StandardOpenOption.APPEND);
        boolean read = set.contains(StandardOpenOption.READ);
        return write ? flags | (read ? READ_WRITE : WRITE_ONLY) : flags;
    }

    private static int flag(OpenOption option) {
        if (!(option instanceof StandardOpenOption standard)) {
            throw new IllegalArgumentException("not an option for a passed file: " + option);
        }
        return switch (standard) {
            case READ, WRITE -> 0;
            case CREATE -> 0100;
            case CREATE_NEW -> 0300;
            case TRUNCATE_EXISTING -> 01000;
            case APPEND -> 02000;
            case DSYNC -> 010000;
            case SYNC -> 04010000;
            default -> throw new IllegalArgumentException("not an option for a passed file: " + option);
        };
    }
}
