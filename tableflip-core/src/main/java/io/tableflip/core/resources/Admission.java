package io.tableflip.core.resources;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.ResourceCheck;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Compares what an upgrade may need with what is free, before the child is started. Thread-safe. */
public final class Admission {
    private static final System.Logger LOG = Log.get();

    private final ResourceCheck check;
    private final List<Need> needs;

    public Admission(ProcFs proc, ResourceCheck check) {
        this(proc, Path.of("/"), check);
    }

    /** @param root where the mounts of the cgroups are: {@code /} except in tests */
    Admission(ProcFs proc, Path root, ResourceCheck check) {
        this.check = check;
        Cgroups cgroups = new Cgroups(proc, root);
        Need memory = new MemoryNeed(proc, cgroups);
        needs = List.of(memory, new ThreadNeed(proc, cgroups), new DescriptorNeed(proc));
    }

    /**
     * Warns, or refuses. What cannot be found out holds up no upgrade.
     *
     * @param passed how many descriptors the child gets
     * @throws UpgradeException with {@link Reason#NOT_ENOUGH_RESOURCES}, and all that is short
     */
    public void admit(ChildCommand command, int passed) throws UpgradeException {
        List<String> fatal = new ArrayList<>();
        for (Shortage shortage : shortages(command, passed)) {
            if (check == ResourceCheck.REFUSE && !shortage.soft()) {
                fatal.add(shortage.text());
            } else {
                LOG.log(WARNING, "upgrade: {0}", shortage.text());
            }
        }
        if (!fatal.isEmpty()) {
            throw new UpgradeException(Reason.NOT_ENOUGH_RESOURCES, String.join(". Besides, ", fatal));
        }
    }

    /** Loads what {@link #admit} needs: the first time takes tens of milliseconds. */
    public void rehearse(ChildCommand command) {
        shortages(command, 0);
    }

    private List<Shortage> shortages(ChildCommand command, int passed) {
        List<Shortage> shortages = new ArrayList<>();
        if (check != ResourceCheck.OFF) {
            for (Need need : needs) {
                try {
                    shortages.addAll(need.shortages(command, passed));
                } catch (IOException | RuntimeException | LinkageError e) {
                    LOG.log(DEBUG, need.getClass().getSimpleName() + " is not checked", e);
                }
            }
        }
        return shortages;
    }
}
