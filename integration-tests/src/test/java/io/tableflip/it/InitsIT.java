package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.examples.StrictLoad;
import io.tableflip.testsupport.Proc;
import io.tableflip.testsupport.Tools;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The inits of containers, which end with their first child. {@link ContainerIT} has the one of Docker. */
@Tag("tools")
class InitsIT {
    /** Not process 1 here: -s adopts the orphans nevertheless. */
    private static final String TINI = "tini -s --";

    private static final String DUMB_INIT = "dumb-init --";

    @TempDir
    Path directory;

    private static Service.Builder under(String init, Service.Builder service) {
        String[] words = init.split(" ", -1);
        Tools.assumeInstalled(words[0]);
        return service.under(words);
    }

    private Service launched(String init) throws IOException {
        return under(
                        init,
                        Service.example(directory)
                                .launcher(
                                        "sh",
                                        LauncherCases.script(),
                                        "-p",
                                        directory.resolve("service.pid").toString(),
                                        Service.java()))
                .startAndAwait();
    }

    @ParameterizedTest
    @ValueSource(strings = {TINI, DUMB_INIT})
    void withoutTheLauncherAnUpgradeIsRefusedBeforeTheSpawn(String init) throws Exception {
        try (Service service = under(init, Service.example(directory)).startAndAwait()) {
            long first = service.first().pid();
            String waits = init.split(" ", -1)[0] + " \\(process " + first
                    + "\\) waits for this process, .* tableflip-launcher\\.sh.*docs/containers\\.md";
            service.awaitMatch("upgrades will be refused: " + waits);
            try (StrictLoad load = MixedLoad.start(service.address())) {
                service.signal("HUP", first);
                service.awaitMatch("upgrade: refused: " + waits);
                MixedLoad.assertClean(load, service::log);
            }
            assertFalse(service.log().contains("spawned generation"), service::log);
            assertTrue(Proc.children(first).contains(service.pid()), service::log);
        }
    }

    @ParameterizedTest
    @CsvSource({TINI + ", KILL, 137", DUMB_INIT + ", TERM, 0"})
    void withTheLauncherNoRequestFailsAndTheStatusIsThatOfTheService(String init, String signal, int status)
            throws Exception {
        Tools.assumeInstalled("perl"); // or nobody can tell that status
        try (Service service = launched(init)) {
            long first = service.first().pid();
            try (StrictLoad load = MixedLoad.start(service.address())) {
                long old = service.pid();
                service.signal("HUP", first);
                service.awaitServing(2);
                service.awaitGone(old);
                MixedLoad.assertClean(load, service::log);
            }
            assertFalse(service.log().contains("upgrades will be refused"), service::log);
            service.signal(signal, signal.equals("TERM") ? first : service.pid());
            assertEquals(status, LauncherCases.end(service), service::log);
            service.awaitProcesses(0);
        }
    }
}
