package io.tableflip.core.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.lifecycle.ParentFixture;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManagementTest {
    private final List<Runnable> later = new ArrayList<>();

    @Test
    void whatTheBeanHas(@TempDir Path directory) throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName name = new ObjectName(Management.NAME);
        UpgradeHistory history = new UpgradeHistory();
        try (ParentFixture parent = new ParentFixture(directory)) {
            Management bean = new Management(
                    (delay, task) -> later.add(task),
                    parent.upgrader()::state,
                    parent.upgrader().generation(),
                    history,
                    90,
                    () -> true);
            bean.serving();
            try {
                assertEquals("INITIALIZING", server.getAttribute(name, "State"));
                assertEquals(1, server.getAttribute(name, "Generation"));
                assertEquals(90L, server.getAttribute(name, "ParentPid"));
                assertEquals(true, server.getAttribute(name, "ParentRunning"));
                assertEquals("NONE", server.getAttribute(name, "LastUpgradeResult"));
                assertEquals(0L, server.getAttribute(name, "LastUpgradeTime"));
                history.upgradeBegan();
                history.spawned(101);
                bean.draining(() -> 7, Instant.EPOCH);
                assertEquals("RUNNING", server.getAttribute(name, "LastUpgradeResult"));
                assertEquals(101L, server.getAttribute(name, "LastUpgradePid"));
                assertEquals(7, server.getAttribute(name, "ConnectionsDraining"));
                UpgradeException late = new UpgradeException(Reason.TIMED_OUT, "late");
                history.upgradeFailed(late);
                bean.upgradeFailed(late);
                assertEquals("FAILED", server.getAttribute(name, "LastUpgradeResult"));
                assertEquals("late", server.getAttribute(name, "LastUpgradeMessage"));
                assertEquals(0, server.getAttribute(name, "ConnectionsDraining"));
                assertEquals(1L, server.getAttribute(name, "UpgradesRequested"));
                assertFalse(server.getMBeanInfo(name).getOperations().length > 0, "it can only be read");
            } finally {
                server.unregisterMBean(name);
            }
        }
    }
}
