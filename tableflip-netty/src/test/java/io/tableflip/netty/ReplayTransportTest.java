package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReplayTransportTest {
    /** More than a busy machine needs. */
    private static final Duration PATIENCE = Duration.ofMinutes(1);

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

    private static void awaitSockets(long before) {
        Await.until("no socket left", () -> {
            try {
                return Sockets.open() <= before;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static void exchange(ServerBootstrap server) throws InterruptedException {
        try (ReplayTransport transport = ReplayTransport.open(server, PATIENCE)) {
            transport.exchange();
            transport.exchange();
        }
    }

    @Test
    void acceptsAndReadsOnTheLoopsOfTheServerAndLeavesNoSocket() throws Exception {
        long before = Sockets.open();
        exchange(server(loops));
        assertTrue(reads.get() >= 4, () -> "reads: " + reads);
        awaitSockets(before);
    }

    /** Options that are for a handler of the user, who reads and closes by itself. */
    @Test
    void childOptionsDoNotHoldItUp() throws Exception {
        long before = Sockets.open();
        ServerBootstrap server = server(loops)
                .childOption(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.SO_LINGER, -7); // refused
        try (ReplayTransport transport = ReplayTransport.open(server, PATIENCE)) {
            transport.exchange();
            transport.exchange();
            assertNotNull(transport.address(), "it has not failed");
            awaitSockets(before + 1);
        }
        awaitSockets(before);
    }

    @Test
    void goesOnIfThereAreNoLoopsThatCanDoIt() throws Exception {
        exchange(server());
        EventLoopGroup nio = Groups.nio();
        try {
            exchange(server(nio));
            exchange(server(loops, nio));
        } finally {
            nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        }
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        exchange(server(loops));
        assertEquals(0, reads.get());
    }

    @Test
    void whatFailsMeanwhileFailsAlone() throws Exception {
        try (ReplayTransport transport = ReplayTransport.open(server(loops), PATIENCE)) {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
            transport.exchange();
            transport.exchange();
        }
    }

    /** Anyone on the machine may connect meanwhile. */
    @Test
    void aStrangerDoesNotStay() throws Exception {
        long before = Sockets.open();
        try (Socket stranger = new Socket()) {
            try (ReplayTransport transport = ReplayTransport.open(server(loops), PATIENCE)) {
                stranger.connect(transport.address());
                transport.exchange(); // comes later, so that the stranger was accepted
            }
            assertEquals(-1, stranger.getInputStream().read());
        }
        awaitSockets(before);
    }

    @Test
    void endsWhenItIsInterruptedAndLeavesNoSocket() throws Exception {
        long before = Sockets.open();
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> ReplayTransport.open(server(loops), PATIENCE));
        assertFalse(Thread.currentThread().isInterrupted());
        try (ReplayTransport transport = ReplayTransport.open(server(loops), PATIENCE)) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, transport::exchange);
            assertFalse(Thread.currentThread().isInterrupted());
        }
        awaitSockets(before);
    }
}
