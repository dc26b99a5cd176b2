package io.tableflip.core.resources;

import io.tableflip.core.text.Printable;

/**
 * A bound on what this process and its child may take together, in bytes.
 *
 * @param of whose it is, for people: {@code cgroup /system.slice/app.service}, {@code this machine}
 * @param free what is left of it; may be negative
 * @param soft whether more than that is slow rather than fatal
 */
record MemoryLimit(String of, long limit, long free, boolean soft) {
    private static final long MIB = 1 << 20;
    private static final long GIB = 1 << 30;

    /** {@code 0.9 GiB of the 4.0 GiB of cgroup /x}. */
    @Override
    public String toString() {
        String all = text(limit);
        return text(Math.max(0, free)) + " of the " + all + (soft ? " (memory.high) of " : " of ") + Printable.of(of);
    }

    /** An amount of memory for people: {@code 512 MiB}, {@code 2.1 GiB}. */
    static String text(long bytes) {
        if (bytes < GIB) {
            return Math.round((double) bytes / MIB) + " MiB";
        }
        long tenths = Math.round(bytes * 10.0 / GIB);
        return tenths / 10 + "." + tenths % 10 + " GiB";
    }
}
