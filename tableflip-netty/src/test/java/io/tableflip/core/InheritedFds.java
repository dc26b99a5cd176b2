package io.tableflip.core;

import java.util.Map;

/** Descriptors as if they had come from a parent. */
public final class InheritedFds {
    private InheritedFds() {}

    public static Fds of(Map<FdName, Integer> inherited) {
        return new Fds(inherited, NativeOs::new, new ProcFs());
    }
}
