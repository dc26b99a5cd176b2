package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReplayTransportTest {
    /** More than a busy machine needs. */
    private static final Duration LIMIT = Duration.ofMinutes(1);

    private final EventLoopGroup loops = Groups.epoll(2);
    /** Buffers into which the connections of the server were read. */
    private final AtomicInteger reads = new AtomicInteger();

    @AfterEach
    void end() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private ServerBootstrap server(EventLoopGroup... groups) {
        PooledByteBufAllocator allocator = new PooledByteBufAllocator(true) {
            @Override
            protected ByteBuf newDirectBuffer(int capacity, int most) {
                reads.incrementAndGet();
                return super.newDirectBuffer(capacity, most);
            }
        };
        ServerBootstrap server = new ServerBootstrap()
                .childOption(ChannelOption.ALLOCATOR, allocator)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        throw new AssertionError("a handler of the user");
                    }
                });
        return groups.length == 0 ? server : server.group(groups[0], groups[groups.length - 1]);
    }

    private static long sockets() throws IOException {
        long count = 0;
        try (DirectoryStream<Path> fds = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path fd : fds) {
                if (Files.isSymbolicLink(fd)
                        && Files.readSymbolicLink(fd).toString().startsWith("socket:")) {
                    count++;
                }
            }
        }
        return count;
    }

    @Test
    void acceptsAndReadsOnTheLoopsOfTheServerAndLeavesNoSocket() throws Exception {
        long before = sockets();
        ReplayTransport.warmUp(server(loops), 1, LIMIT);
        assertTrue(reads.get() >= 2, () -> "reads: " + reads);
        Await.until("no socket left", () -> {
            try {
                return sockets() <= before;
            } catch (IOException e) {
                return false; // one was closed while it was looked at
            }
        });
    }

    @Test
    void goesOnIfThereAreNoLoopsThatCanDoIt() throws Exception {
        ReplayTransport.warmUp(server(), 1, LIMIT);
        EventLoopGroup nio = Groups.nio();
        try {
            ReplayTransport.warmUp(server(nio), 1, LIMIT);
            ReplayTransport.warmUp(server(loops, nio), 1, LIMIT);
        } finally {
            nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        }
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        ReplayTransport.warmUp(server(loops), 1, LIMIT);
        assertEquals(0, reads.get());
    }

    @Test
    void endsWhenItIsInterrupted() {
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> ReplayTransport.warmUp(server(loops), 1, LIMIT));
        assertFalse(Thread.currentThread().isInterrupted());
    }

    /** A wait without time left does not look at it. */
    @Test
    void endsWhenItIsInterruptedAndItsTimeIsOverToo() {
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> ReplayTransport.warmUp(server(loops), 1, Duration.ZERO));
        assertFalse(Thread.currentThread().isInterrupted());
    }
}
