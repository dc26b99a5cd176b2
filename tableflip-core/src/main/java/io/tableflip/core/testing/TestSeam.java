package io.tableflip.core.testing;

import io.tableflip.core.FdName;
import io.tableflip.core.Fds;
import io.tableflip.core.UpgraderBuilder;
import java.lang.reflect.Constructor;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What the tests of other modules do with the internals of this one. They cannot put classes into its packages, which belong to one module
 * each, and what they need is nothing for users.
 *
 * <p>Nothing in the library calls this, so it costs a program nothing at its start.
 */
public interface TestSeam {
    /** Opens it. */
    static TestSeam open() {
        try {
            // by its name: the class can stay where the internals are, invisible to everybody else
            Constructor<?> internals =
                    Class.forName("io.tableflip.core.OpenedForTests").getDeclaredConstructor();
            internals.setAccessible(true); // within a module this is always allowed
            return (TestSeam) internals.newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Lets a program stop inside an upgrade.
     *
     * @param reached gets the name of each checkpoint; the process goes on when it returns
     */
    void checkpoints(UpgraderBuilder builder, Consumer<String> reached);

    /** Makes descriptors that seem to have come from a parent. */
    Fds inherited(Map<FdName, Integer> descriptors);

    /** Does what an upgrade does when it begins. */
    void pass(Fds fds);

    /** Does what an upgrade does when it has failed. */
    void rollBack(Fds fds);

    /** Does what a process does when it has become the service. */
    void closeUnclaimed(Fds fds);
}
