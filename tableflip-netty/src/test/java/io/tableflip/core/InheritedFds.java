package io.tableflip.core;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Descriptors as if they had come from a parent. */
public final class InheritedFds {
    private InheritedFds() {}

    public static Fds of(Map<FdName, Integer> inherited) {
        Map<Integer, @Nullable FdName> passed = new LinkedHashMap<>();
        inherited.forEach((name, number) -> passed.put(number, name));
        Fds fds = new Fds(NativeOs::new, new ProcFs());
        fds.inheritAll(passed);
        return fds;
    }

    /** As an upgrade does when it begins. */
    public static void pass(Fds fds) {
        fds.pass();
    }

    /** As an upgrade does when it has failed. */
    public static void rollBack(Fds fds) {
        fds.notPassed();
    }

    /** As {@link Upgrader#ready()} does it. */
    public static void closeUnclaimed(Fds fds) {
        fds.closeInherited();
    }
}
