package io.tableflip.core;

import io.tableflip.core.testing.TestSeam;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Found by its name, see {@link TestSeam#open}. */
final class OpenedForTests implements TestSeam {
    @Override
    public void checkpoints(UpgraderBuilder builder, Consumer<String> reached) {
        builder.checkpoints(checkpoint -> reached.accept(checkpoint.name()));
    }

    @Override
    public Fds inherited(Map<FdName, Integer> descriptors) {
        Map<Integer, @Nullable FdName> passed = new LinkedHashMap<>();
        descriptors.forEach((name, number) -> passed.put(number, name));
        Fds fds = new Fds(NativeOs::new, new ProcFs());
        fds.inheritAll(passed);
        return fds;
    }

    @Override
    public void pass(Fds fds) {
        fds.pass();
    }

    @Override
    public void rollBack(Fds fds) {
        fds.notPassed();
    }

    @Override
    public void closeUnclaimed(Fds fds) {
        fds.closeInherited();
    }
}
