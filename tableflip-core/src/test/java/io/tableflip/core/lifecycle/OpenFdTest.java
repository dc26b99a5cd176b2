package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.NativeOs;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenFdTest {
    private static final int READ_NONBLOCK = 04000;

    private final FakeOs os = new FakeOs();
    private final Fd fd = new OpenFd(FdName.file("log"), os.opened(7), () -> os);

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

    /**
     * What a FIFO has at its other end may come late, and the event loop of a channel must not wait for it.
     */
    @Test
    void oneThatIsBeingOpenedOnceMoreIsLentMeanwhile(@TempDir Path directory) throws Exception {
        Path path = directory.resolve("fifo");
        Commands.run("mkfifo", path.toString());
        NativeOs real = new NativeOs();
        Fd fifo = new OpenFd(FdName.file("fifo"), real.open(path.toString(), READ_NONBLOCK, 0), () -> real);
        AtomicReference<Thread> opening = new AtomicReference<>();
        CompletableFuture<FileChannel> opened = CompletableFuture.supplyAsync(
                () -> {
                    opening.set(Thread.currentThread());
                    return reading(fifo);
                },
                Threads::onOneOfItsOwn);
        Await.until("it is being opened", () -> isOpening(opening.get()));

        Await.get(CompletableFuture.runAsync(() -> fifo.lend(number -> {}), Threads::onOneOfItsOwn));
        CompletableFuture<Integer> released = CompletableFuture.supplyAsync(fifo::release, Threads::onOneOfItsOwn);
        assertTrue(fifo.isOpen(), "who owns it from now on may close it");
        FileChannel writer = FileChannel.open(path, StandardOpenOption.WRITE);
        Await.get(opened).close();
        writer.close();
        real.close(Await.get(released));
        assertFalse(fifo.isOpen());
    }

    private static FileChannel reading(Fd fd) {
        try {
            return fd.openChannel(StandardOpenOption.READ);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isOpening(@Nullable Thread thread) {
        StackTraceElement[] stack = thread == null ? new StackTraceElement[0] : thread.getStackTrace();
        return stack.length > 0
                && stack[0].isNativeMethod()
                && Arrays.stream(stack).anyMatch(frame -> frame.getMethodName().equals("openChannel"));
    }

    @Test
    void saysWhatItIs() throws Exception {
        assertEquals("fd:log (fd 7)", fd.toString());
        fd.close();
        assertEquals("fd:log (fd 7)", fd.toString());
        assertEquals(FdName.file("log"), fd.name());
    }
}
