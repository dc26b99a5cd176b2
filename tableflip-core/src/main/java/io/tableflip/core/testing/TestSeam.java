package io.tableflip.core.testing;

import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.core.Fds;
import io.tableflip.core.Upgrader;
import io.tableflip.core.lifecycle.Descriptors;
import io.tableflip.core.lifecycle.Settings;
import io.tableflip.core.os.NativeOs;
import io.tableflip.core.os.ProcFs;
import java.lang.reflect.Field;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What the tests of other modules do with the internals of this one. The package is not exported, and its
 * classes are not part of the API; nothing in the library calls them.
 */
public final class TestSeam {
    private TestSeam() {}

    /** Opens it. */
    public static TestSeam open() {
        return new TestSeam();
    }

    /**
     * Lets a program stop inside an upgrade.
     *
     * @param reached gets the name of each checkpoint; the process continues when it returns
     */
    public void checkpoints(Upgrader.Builder builder, Consumer<String> reached) {
        settings(builder).checkpoints(checkpoint -> reached.accept(checkpoint.name()));
    }

    /** Replaces the clock of every timeout: nanoseconds that only grow. */
    public void clock(Upgrader.Builder builder, LongSupplier nanoTime) {
        settings(builder).clock(nanoTime);
    }

    private static Settings settings(Upgrader.Builder builder) {
        try {
            Field settings = Upgrader.Builder.class.getDeclaredField("settings");
            settings.setAccessible(true); // within a module this is always allowed
            return (Settings) settings.get(builder);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Makes descriptors that seem to have come from a parent. */
    public Fds inherited(Map<FdName, Integer> descriptors) {
        Map<Integer, @Nullable FdName> passed = new LinkedHashMap<>();
        descriptors.forEach((name, number) -> passed.put(number, name));
        Descriptors fds = new Descriptors(NativeOs::new, new ProcFs());
        fds.inheritAll(passed);
        return fds;
    }

    /** Does what an upgrade does when it begins: returns what to ask for descriptors. */
    public Map<FdName, FdSource> pass(Fds fds) {
        return ((Descriptors) fds).pass();
    }

    /** Does what an upgrade does when it has failed. */
    public void rollBack(Fds fds) {
        ((Descriptors) fds).notPassed();
    }

    /** Does what a process does when it has become the service. */
    public void closeUnclaimed(Fds fds) {
        ((Descriptors) fds).closeInherited();
    }
}
