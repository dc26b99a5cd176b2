package io.tableflip.core.os;

/**
 * A limit of a process, as of getrlimit(2). No limit is {@link Long#MAX_VALUE}.
 *
 * @param soft the one that the kernel enforces
 * @param hard what the process may raise the soft one to; a JVM does so with its descriptors at its start
 */
public record ResourceLimit(long soft, long hard) {
    /** {@code SOFT HARD UNIT}, with any blanks between. */
    static ResourceLimit parse(String columns) {
        String[] values = columns.strip().split("\\s+", -1);
        return new ResourceLimit(value(values[0]), value(values[1]));
    }

    private static long value(String text) {
        return text.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(text);
    }
}
