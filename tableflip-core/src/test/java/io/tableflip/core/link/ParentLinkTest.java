package io.tableflip.core.link;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.os.FakeProc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
        ParentLink link = ParentLink.find(
                Map.of(ParentLink.SENTINEL, "yes", ParentLink.LINK, "2:" + PARENT + ":101:102:7:5000"), proc.fs);
        assertNotNull(link);
        return link;
    }

    /**
     * Whether {@code /proc} shows the parent or not, as with hidepid=2. One that it still shows is a zombie, or
     * somebody else has its number.
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

    @Test
    void whatCannotBeReadIsNotGone() throws IOException {
        proc.parent(PARENT);
        ParentLink link = find();
        Files.delete(directory.resolve("self/stat"));
        assertFalse(link.isParentGone());
    }
}
