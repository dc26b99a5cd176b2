package io.tableflip.core.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.UpgradeException;
import io.tableflip.core.UpgradeException.Reason;
import io.tableflip.core.observe.UpgradeRecord.Result;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class UpgradeHistoryTest {
    private final UpgradeHistory history = new UpgradeHistory();

    private static UpgradeException because(String message) {
        return new UpgradeException(Reason.CHILD_FAILED, message);
    }

    private List<String> lines() {
        return history.records().stream()
                .map(each -> each.number() + " " + each.result() + " " + each.pid() + " " + each.message())
                .toList();
    }

    @Test
    void eachRequestHasItsNumber() {
        assertEquals(Optional.empty(), history.last());
        history.upgradeBegan();
        assertEquals(List.of("1 RUNNING 0 "), lines());
        history.spawned(50);
        history.upgradeRefused(because("another one"));
        assertEquals(List.of("2 REFUSED 0 another one", "1 RUNNING 50 "), lines());
        history.upgradeFailed(because("crash"));
        history.upgradeBegan();
        history.spawned(51);
        history.upgraded(51);
        assertEquals(List.of("2 REFUSED 0 another one", "1 FAILED 50 crash", "3 UPGRADED 51 "), lines());
        assertEquals(3, history.count());
        assertEquals(Result.UPGRADED, history.last().orElseThrow().result());
    }

    @Test
    void theOneThatRunsIsTheLast() {
        history.upgradeBegan();
        history.upgradeRefused(because("another one"));
        assertEquals(1, history.last().orElseThrow().number());
    }

    @Test
    void onlySomeAreKept() {
        for (int i = 0; i < 100; i++) {
            history.upgradeRefused(because("no"));
        }
        assertEquals(100, history.count());
        assertTrue(history.records().size() < 20);
        assertEquals(100, history.last().orElseThrow().number());
    }
}
