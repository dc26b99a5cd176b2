package io.tableflip.core.resources;

import io.tableflip.core.text.Printable;

/**
 * A bound on the threads that this process and its child may have together.
 *
 * @param name what sets it: {@code pids.max}, {@code RLIMIT_NPROC}
 * @param of whose it is, for people: {@code cgroup /system.slice/app.service}, {@code user 1000}
 * @param free what is left of it; may be negative
 * @param raise where it is set, for people
 */
record ThreadLimit(String name, String of, long limit, long free, String raise) {
    /** {@code 10 of the 512 (pids.max) of cgroup /x}. */
    @Override
    public String toString() {
        return Math.max(0, free) + " of the " + limit + " (" + name + ") of " + Printable.of(of);
    }
}
