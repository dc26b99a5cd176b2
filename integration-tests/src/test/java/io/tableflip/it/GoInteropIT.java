package io.tableflip.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tableflip.it.Peers.Language;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.GoCompiler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Go's tableflip as parent and as child: both programs are real, and a start link leads to one or the other. */
@Tag("go")
class GoInteropIT {
    /** With what the names begin. */
    private static final String TYPES = "0dff83020102ff840001ff8200000cff81020102ff8200010c0000";

    @TempDir
    static Path build;

    private static Path goPeer;

    @TempDir
    Path directory;

    @BeforeAll
    static void buildGoPeer() throws IOException, InterruptedException {
        String missing = GoCompiler.missing();
        assumeTrue(missing == null, missing);
        Path source = Path.of(System.getProperty("go.sources"), "peer", "main.go");
        goPeer = GoCompiler.compile("peer", source, build, build.resolve("cache"));
    }

    private Peers start(Language first) throws IOException {
        return Peers.start(directory, goPeer, first);
    }

    @Test
    void aChainOfBoth() throws Exception {
        try (Peers peers = start(Language.GO)) {
            peers.assertServes();
            List<String> names = new ArrayList<>(List.of(peers.name()));
            try (NewConnections load = NewConnections.start(peers.client())) {
                for (Language next : List.of(Language.JAVA, Language.GO, Language.JAVA, Language.JAVA)) {
                    peers.upgradeTo(next);
                    names.add(peers.name());
                }
                load.assertAnsweredBy(names);
            }
            peers.stop();
        }
    }

    @Test
    void aChainThatBeginsWithJavaAndEndsWithGo() throws Exception {
        try (Peers peers = start(Language.JAVA)) {
            List<String> names = new ArrayList<>(List.of(peers.name()));
            try (NewConnections load = NewConnections.start(peers.client())) {
                for (Language next : List.of(Language.JAVA, Language.GO, Language.GO, Language.JAVA, Language.GO)) {
                    peers.upgradeTo(next);
                    names.add(peers.name());
                }
                load.assertAnsweredBy(names);
            }
            peers.stop();
        }
    }

    /** The variable of level 2 comes through a Go process to one that it was not meant for. */
    @Test
    void theLinkOfAnEarlierGenerationIsIgnored() throws IOException {
        try (Peers peers = start(Language.JAVA)) {
            peers.upgradeTo(Language.JAVA);
            peers.awaitSaid(peers.name(), "is ready");
            peers.service().awaitLog("generation 2 (pid " + peers.pid() + ") is serving");
            peers.upgradeTo(Language.GO);
            assertTrue(environment(peers.pid()).contains("TABLEFLIP_LINK=2:"));
            peers.upgradeTo(Language.JAVA);
            assertTrue(environment(peers.pid()).contains("TABLEFLIP_LINK=2:"));
            peers.service().awaitLog("generation 1 (pid " + peers.pid() + ") is serving");
            peers.upgradeTo(Language.JAVA);
            peers.service().awaitLog("generation 2 (pid " + peers.pid() + ") is serving");
        }
    }

    private static String environment(long pid) throws IOException {
        return Files.readString(Path.of("/proc/" + pid + "/environ"), ISO_8859_1);
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void theUpgradeEndsWhenTheChildIsReadyAndNotBefore(Language parent) throws IOException {
        try (Peers peers = start(parent)) {
            long old = peers.pid();
            Path go = directory.resolve("go");
            peers.plan("wait " + go);
            peers.point(parent.other());
            CompletableFuture<String> upgrade = peers.startUpgrade();
            String child = peers.awaitSayer(parent.other(), "waits");
            assertEquals(peers.name() + " hello", peers.client().tcp("hello"));
            assertEquals(peers.name() + " hello", peers.client().unix("hello"));
            assertEquals(peers.name() + " hello", peers.client().udp("hello"));
            assertEquals(old, peers.pid());
            assertFalse(upgrade.isDone());
            Files.createFile(go);
            assertEquals(Peers.name(parent, old) + " upgraded", upgrade.join());
            peers.replaced(old, parent.other());
            assertEquals(child, peers.name());
        }
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void aChildThatExits(Language parent) throws IOException {
        try (Peers peers = start(parent)) {
            peers.plan("exit");
            peers.point(parent.other());
            String answer = peers.client().tcp("upgrade");
            assertTrue(answer.startsWith(peers.name() + " failed: "), answer);
            assertTrue(answer.contains("exit status 3"), answer);
            peers.assertServes();
            peers.plan("serve");
            peers.upgradeTo(parent.other());
        }
    }

    @ParameterizedTest
    @CsvSource({"GO, timed out", "JAVA, the child was not ready within 3 s"})
    void aChildThatIsNeverReady(Language parent, String why) throws IOException {
        try (Peers peers = Peers.start(directory, goPeer, parent, "3s")) {
            peers.plan("hang");
            peers.point(parent.other());
            String answer = peers.client().tcp("upgrade");
            assertTrue(answer.startsWith(peers.name() + " failed: "), answer);
            assertTrue(answer.contains(why), answer);
            peers.service().awaitProcesses(1); // Go does not wait for the end of what it has killed
            peers.assertServes();
        }
    }

    @ParameterizedTest
    @CsvSource({"GO, the parent has not exited yet", "JAVA, parent hasn't exited"})
    void aChildIsUpgradedOnlyOnceItsParentHasGone(Language parent, String refusal) throws IOException {
        try (Peers peers = start(parent);
                PeerClient.Held held = peers.client().hold()) {
            long old = peers.pid();
            String first = peers.name();
            assertEquals(first + " hello", peers.client().tcp("hello")); // so the one before it was accepted too
            peers.point(parent.other());
            assertEquals(first + " upgraded", peers.client().tcp("upgrade"));
            String child = Peers.name(parent.other(), peers.pid());
            String answer = untilAnsweredBy(child, peers, "upgrade");
            assertTrue(answer.startsWith(child + " failed: " + refusal), answer);
            peers.assertNotSaid(child, "has no parent any more");
            assertEquals(first + " bye", held.ask("bye"));
            peers.replaced(old, parent.other());
            peers.upgradeTo(parent);
        }
    }

    /** For a moment after the upgrade the old process may still answer. */
    private static String untilAnsweredBy(String name, Peers peers, String line) {
        List<String> answers = new ArrayList<>();
        Await.until(
                "answered by " + name,
                () -> {
                    answers.add(0, peers.client().tcp(line));
                    return answers.get(0).startsWith(name + " ");
                },
                answers::toString);
        return answers.get(0);
    }

    /** What a parent that speaks something else may write instead of the names, and what our child says of it. */
    private static Map<String, String> garbage() {
        return Map.of(
                "numbers at random",
                "0404010101: not a list of names",
                "what Go makes of the text \"hello\"",
                "080c000568656c6c6f: count: 104 is too much",
                "a length beyond all bounds",
                "f8ffffffffffffffff: length of a message: 18446744073709551615 is too much",
                "the name of a listener that is not passed",
                TYPES + "1eff84000103086c697374656e6572037463700b3132372e302e302e313a30: .*fd 5",
                "the beginning of a list of names",
                TYPES + "16ff8400: names .* 5 s",
                "nothing",
                ": names .* 5 s");
    }

    @Test
    void garbageInsteadOfNames() throws IOException {
        try (Peers peers = start(Language.GO)) {
            peers.point(Language.JAVA);
            for (Map.Entry<String, String> kind : garbage().entrySet()) {
                String[] bytesAndWords = kind.getValue().split(": ", 2);
                peers.writeNames(HexFormat.of().parseHex(bytesAndWords[0]));
                int before = peers.service().log().length();
                String answer = peers.client().tcp("spawn");
                assertTrue(
                        answer.matches(peers.name() + " spawned \\d+, which has said \"\" and ended: exit status 1"),
                        kind + ": " + answer);
                String itsLog = peers.service().log().substring(before);
                assertTrue(
                        Pattern.compile("Exception: .*" + bytesAndWords[1])
                                .matcher(itsLog)
                                .find(),
                        kind + ": " + itsLog);
                peers.assertServes();
            }
            peers.upgradeTo(Language.JAVA);
        }
    }

    @Test
    void aChildThatWritesSomethingElseThanReady() throws IOException {
        try (Peers peers = Peers.start(directory, goPeer, Language.JAVA, "3s")) {
            peers.point(Language.GO);
            // another byte than 42
            failsToUpgrade(peers, "write 2b stay", "the child was not ready within 3 s");
            failsToUpgrade(peers, "write 2b end", "the child ended before it was ready: exit status 0");
            failsToUpgrade(peers, "write 2b close", "the child closed descriptor 3 and did not end within");
            // a takeover by a process named x
            failsToUpgrade(peers, "write 54000178 stay", "process x wants to take over");
            // a message that is never complete, and 42 as a part of it
            failsToUpgrade(peers, "write 2bffff2a2a2a stay", "the child was not ready within 3 s");
            // nothing but messages of a type that does not exist, as fast as it can
            failsToUpgrade(peers, "flood 2b0000", "the child has sent more than");
        }
    }

    private static void failsToUpgrade(Peers peers, String plan, String why) throws IOException {
        peers.plan(plan);
        String answer = peers.client().tcp("upgrade");
        assertTrue(answer.startsWith(peers.name() + " failed: " + why), plan + ": " + answer);
        peers.assertServes();
    }

    /** A process that shares a socket can set it to blocking, and so hang whoever calls accept or receive the next time. */
    @Test
    void aChildThatSetsTheSocketsToBlocking() throws IOException {
        try (Peers peers = start(Language.JAVA)) {
            peers.plan("block");
            peers.point(Language.GO);
            String answer = peers.client().tcp("upgrade");
            assertTrue(answer.contains("exit status 4"), answer);
            peers.assertServes();
            peers.assertServes();
        }
    }
}
