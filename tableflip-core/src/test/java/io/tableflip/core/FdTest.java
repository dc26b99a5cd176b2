package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.Test;

class FdTest {
    private final FakeOs os = new FakeOs();
    private final Fd fd = new Fd(FdName.file("log"), os.opened(7), () -> os);

    private List<Integer> lent() {
        List<Integer> lent = new ArrayList<>();
        assertTrue(fd.lend(lent::add).toCompletableFuture().isDone());
        return lent;
    }

    @Test
    void closesOnceHoweverOftenItIsAsked() throws Exception {
        Await.get(CompletableFuture.allOf(IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.runAsync(() -> {
                    try {
                        fd.close();
                    } catch (SystemCallException e) {
                        throw new AssertionError(e);
                    }
                }))
                .toArray(CompletableFuture<?>[]::new)));
        assertEquals(List.of(), os.mistakes());
        assertEquals(Set.of(), os.open());
        assertFalse(fd.isOpen());
        assertThrows(IllegalStateException.class, fd::number);
        assertThrows(IllegalStateException.class, fd::release);
        assertThrows(IllegalStateException.class, fd::openChannel);
        assertThrows(IllegalStateException.class, fd::setNonBlocking);
        assertEquals(List.of(), lent());
    }

    @Test
    void whatWasReleasedBelongsToTheCaller() throws Exception {
        assertEquals(List.of(7), lent());
        assertEquals(7, fd.release());
        fd.close();
        assertEquals(Set.of(7), os.open());
        assertEquals(List.of(), lent());
        assertThrows(IllegalStateException.class, fd::release);
    }

    @Test
    void aCloseThatFailsIsNotTriedAgain() throws Exception {
        os.fail("close", 0, Errno.EIO);
        SystemCallException failure = assertThrows(SystemCallException.class, fd::close);
        assertEquals("close", failure.call());
        assertEquals(Errno.EIO.intValue(), failure.errno());
        assertEquals("fd 7", failure.object());
        fd.close();
        assertEquals(List.of(), os.mistakes());
    }

    @Test
    void saysWhatItIs() throws Exception {
        assertEquals("fd:log (fd 7)", fd.toString());
        fd.close();
        assertEquals("fd:log (fd 7)", fd.toString());
        assertEquals(FdName.file("log"), fd.name());
    }
}
