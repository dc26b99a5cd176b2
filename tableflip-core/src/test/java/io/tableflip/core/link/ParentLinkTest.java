package io.tableflip.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.FdName;
import io.tableflip.core.os.FakeProc;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whether the parent is there, as {@code /proc} has it. The rest is in TakeoverTest. */
class ParentLinkTest {
    private static final long PARENT = 4000;

    @TempDir
    Path directory;

    private FakeProc proc;

    @BeforeEach
    void pipes() throws IOException {
        proc = new FakeProc(directory);
        proc.fd(3, "pipe:[101]", "0100001");
        proc.fd(4, "pipe:[102]", "0100000");
        Files.createFile(directory.resolve("self/fd/pipe:[101]"));
        Files.createFile(directory.resolve("self/fd/pipe:[102]"));
    }

    private ParentLink find() throws IOException {
        return find("2:" + PARENT + ":101:102:7:5000");
    }

    private ParentLink find(String variable) throws IOException {
        ParentLink link = ParentLink.find(Map.of(ParentLink.SENTINEL, "yes", ParentLink.LINK, variable), proc.fs);
        assertNotNull(link);
        return link;
    }

    /**
     * Whether {@code /proc} shows the parent or not, as with hidepid=2. One that it still shows is a zombie,
     * or somebody else has its number.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aParentIsThereUntilThisProcessHasAnother(boolean visible) throws IOException {
        if (visible) {
            proc.process(PARENT, "java", 'S', 1000);
        }
        proc.parent(PARENT);
        ParentLink link = find();
        assertFalse(link.isParentGone());
        proc.parent(1);
        assertTrue(link.isParentGone());
    }

    @Test
    void aParentWithAShellInBetweenIsFoundByItsNumberAndStart() throws IOException {
        proc.process(PARENT, "java", 'S', 1000);
        ParentLink link = find();
        assertFalse(link.isParentGone());
        proc.process(PARENT, "other", 'S', 2000);
        assertTrue(link.isParentGone());
    }

    @Test
    void aParentThatWasGoneAtTheStartIsGone() throws IOException {
        proc.parent(1);
        assertTrue(find().isParentGone());
    }

    private static final String LEVEL_2 = "2:4000:101:102:7:5000";

    /** What a later version says besides is ignored, whatever it looks like. */
    @ParameterizedTest
    @CsvSource({
        "'', -1, false",
        ":idle, -1, true",
        ":transfer.6.106, 6, false",
        ":idle:transfer.6.106, 6, true",
        ":transfer.6.106:idle, 6, true",
        ":later:transfer.6.106:idle:later.still.1, 6, true",
        ":transfer.6.107, -1, false", // somebody else's
        ":transfer.7.106, -1, false", // not open
        ":transfer.5.105, -1, false", // no socket
        ":transfer., -1, false",
        ":transfer.6, -1, false",
        ":transfer.6.106.1, -1, false",
        ":transfer.x.106:idle, -1, true",
        ":transfer.6.99999999999999999999:idle, -1, true",
        ":transfers:idle, -1, true",
    })
    void theChannelIsWhatTheVariableSays(String facts, int fd, boolean idle) throws IOException {
        proc.fd(5, "pipe:[105]", "0100001");
        proc.fd(6, "socket:[106]", "02");
        ParentLink link = find(LEVEL_2 + facts);
        assertTrue(link.isLevel2());
        assertEquals(7, link.generation());
        assertEquals(fd, link.transferFd());
        assertEquals(idle, link.bootsIdle());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theVariableIsUnderstoodAsItIsWritten(boolean idle) throws IOException {
        proc.fd(6, "socket:[106]", "02");
        Duration wait = Duration.ofSeconds(3);
        ParentLink link =
                find(ParentLink.variable(PARENT, 101, 102, 9, wait, idle, new ParentLink.TransferSocket(6, 106)));
        assertEquals(6, link.transferFd());
        assertEquals(idle, link.bootsIdle());
        assertEquals(wait, link.drainedWait());
        assertEquals(
                -1,
                find(ParentLink.variable(PARENT, 101, 102, 9, wait, idle, null)).transferFd());
    }

    /** The variable came through a process in between that knows nothing of it. */
    @ParameterizedTest
    @ValueSource(strings = {"2:4000:101:99:7:5000:transfer.6.106", "1:4000:101:102:7:5000:transfer.6.106", ""})
    void aLevel1ParentHasNoChannel(String variable) throws IOException {
        proc.fd(6, "socket:[106]", "02");
        proc.parent(PARENT);
        ParentLink link = find(variable);
        assertFalse(link.isLevel2());
        assertEquals(-1, link.transferFd());
    }

    /** Among the names it has one too; if it is not the channel, this process does not know what it is. */
    @ParameterizedTest
    @CsvSource({"106, false", "107, true"})
    void theChannelIsNoPassedDescriptorUnlessItIsSomethingElse(int inode, boolean isStranger) throws Exception {
        proc.fd(5, "socket:[105]", "02");
        proc.fd(6, "socket:[106]", "02");
        FdName web = FdName.listener("tcp", ":80");
        Path names =
                Files.write(directory.resolve("names"), Gob.encode(List.of(WireNames.encode(web), WireNames.TRANSFER)));
        Files.delete(directory.resolve("self/fd/pipe:[102]"));
        Files.createSymbolicLink(directory.resolve("self/fd/pipe:[102]"), names);
        CountDownLatch ended = new CountDownLatch(1);
        Map<Integer, @Nullable FdName> passed =
                Await.get(find(LEVEL_2 + ":transfer.6." + inode).open(message -> {}, ended::countDown));
        Map<Integer, @Nullable FdName> expected = new HashMap<>(Map.of(5, web));
        if (isStranger) {
            expected.put(6, null);
        }
        assertEquals(expected, passed);
        Await.latch(ended);
    }

    @Test
    void whatCannotBeReadIsNotGone() throws IOException {
        proc.parent(PARENT);
        ParentLink link = find();
        Files.delete(directory.resolve("self/stat"));
        assertFalse(link.isParentGone());
    }
}
