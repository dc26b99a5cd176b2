package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.core.os.FakeProc;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who may set a process back from SCHED_IDLE. */
class IdleRightsTest {
    private static final String FIRST = "         0          0 4294967295";
    private static final String CONTAINER = "         0       1000          1";
    private static final String ALL = "000001ffffffffff";
    private static final String ALL_BUT_NICE = "000001ffff7fffff";

    private final FakeProc proc;

    IdleRightsTest(@TempDir Path directory) throws IOException {
        proc = new FakeProc(directory);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0, true, true, 0, true",
        "0, 0, true, false, 0, false", // root in a container of a user's
        "0, 0, false, true, 0, false",
        "0, 0, false, true, 19, false",
        "0, 0, false, true, 20, true", // LimitNICE=+0
        "0, 0, false, true, unlimited, true",
        "-5, 0, false, true, 20, false",
        "-5, 0, false, true, 25, true",
        "5, 0, false, true, 15, true",
        "0, 5, true, true, 40, false", // is idle itself
        "0, 3, true, true, 40, false",
    })
    void mayDoSo(int nice, int policy, boolean capability, boolean first, String limit, boolean possible)
            throws IOException {
        String zeros = " 0".repeat(15);
        proc.write("self/stat", "77 (a ) b) S" + zeros + " " + nice + " 0".repeat(21) + " " + policy + " 0 0");
        proc.write("self/status", "Name:\tx\nCapPrm:\t0\nCapEff:\t" + (capability ? ALL : ALL_BUT_NICE) + "\n");
        proc.write("self/uid_map", (first ? FIRST : CONTAINER) + "\n");
        proc.write(
                "self/limits",
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                        + "Max nice priority         " + limit + "                    40                   \n");
        assertEquals(possible, IdleBoot.whyNot(proc.fs) == null);
    }
}
