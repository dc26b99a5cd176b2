package io.tableflip.netty.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.unix.DomainSocketAddress;
import io.tableflip.core.FdName;
import io.tableflip.core.Participant;
import io.tableflip.netty.Cleanup;
import io.tableflip.netty.Client;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.FakeUpgrader;
import io.tableflip.netty.Groups;
import io.tableflip.netty.TestServer;
import io.tableflip.netty.UpgradableServers;
import io.tableflip.testsupport.Await;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class ServedChannelTest {
    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    private final FakeUpgrader upgrader = new FakeUpgrader();

    @ChannelHandler.Sharable
    private static final class Nothing extends ChannelInboundHandlerAdapter {}

    private Channel bind(EventLoopGroup boss, EventLoopGroup workers) throws Exception {
        cleanup.add(() -> boss.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        cleanup.add(() -> workers.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        ServerBootstrap bootstrap = new ServerBootstrap().group(boss, workers).childHandler(new Nothing());
        return UpgradableServers.of(upgrader)
                .bind(bootstrap, TestServer.ANY_PORT)
                .sync()
                .channel();
    }

    private Participant participant() {
        return upgrader.participants.iterator().next();
    }

    // ---- event loops

    /** Starts so many threads, and then the system has none left. */
    private static final class Threads implements ThreadFactory {
        final AtomicInteger started = new AtomicInteger();
        private volatile int limit;

        Threads(int limit) {
            this.limit = limit;
        }

        /** The end of an event loop needs a thread too. */
        void unlimited() {
            limit = Integer.MAX_VALUE;
        }

        @Override
        public Thread newThread(Runnable task) {
            if (started.get() == limit) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            started.incrementAndGet();
            return new Thread(task);
        }
    }

    @Test
    void allEventLoopsRunBeforeTheTakeover() throws Exception {
        Threads bosses = new Threads(9);
        Threads workers = new Threads(9);
        bind(Groups.epoll(2, bosses), Groups.epoll(5, workers));
        assertEquals(0, workers.started.get());
        Await.get(participant().acquire().toCompletableFuture());
        assertEquals(2, bosses.started.get());
        assertEquals(5, workers.started.get());
    }

    @Test
    void anEventLoopWithoutAThreadFailsTheUpgrade() throws Exception {
        Threads workers = new Threads(3);
        bind(Groups.epoll(1), Groups.epoll(5, workers));
        cleanup.add(workers::unlimited);
        Throwable failure = Await.failure(participant().acquire().toCompletableFuture());
        assertInstanceOf(IllegalStateException.class, failure);
        assertEquals(
                "the thread of an event loop cannot be started: unable to create native thread", failure.getMessage());
        assertEquals(3, workers.started.get());
    }

    // ---- without a successor

    @Test
    void aListenerThatRetiresTakesWhatIsQueuedAndThenRefuses() throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        TestServer server = cleanup.add(new TestServer(pipeline -> {}));
        Channel channel = server.bind(DrainPolicy.HANDLERS);
        InetSocketAddress address = server.address();
        server.upgrader.resume();
        assertEquals(
                Set.of(FdName.listener("tcp", "127.0.0.1:0")), server.listener().serves());
        channel.eventLoop().execute(() -> Await.latch(held)); // so that they are queued
        for (int i = 0; i < 50; i++) {
            cleanup.add(Client.connect(address));
        }
        var retired = server.listener().retire().toCompletableFuture();
        held.countDown();
        Await.get(retired);
        assertFalse(channel.isOpen());
        for (int i = 0; i < 50; i++) {
            assertTrue(server.child().isOpen());
        }
        assertThrows(ConnectException.class, () -> Client.connect(address));
        assertEquals(50, server.listener().remaining());
    }

    // ---- Unix sockets

    @Test
    void aUnixSocketThatTheProgramClosesLeavesNoFile(@TempDir Path directory) throws Exception {
        Path path = directory.resolve("app.sock");
        EventLoopGroup loops = Groups.epoll(1);
        cleanup.add(() -> loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops).childHandler(new Nothing());
        UpgradableServers servers = UpgradableServers.of(upgrader);
        for (int round = 0; round < 3; round++) {
            Channel channel = servers.bind(bootstrap, new DomainSocketAddress(path.toString()))
                    .sync()
                    .channel();
            assertTrue(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
            channel.close().sync();
            assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
        }
    }

    @Test
    void onlyAnotherProcessMayHaveItDuringAnUpgrade(@TempDir Path directory) throws Exception {
        Path path = directory.resolve("app.sock");
        EventLoopGroup loops = Groups.epoll(1);
        cleanup.add(() -> loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops).childHandler(new Nothing());
        Channel channel = UpgradableServers.of(upgrader)
                .bind(bootstrap, new DomainSocketAddress(path.toString()))
                .sync()
                .channel();
        upgrader.passFds();
        channel.close().sync();
        assertTrue(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
        upgrader.takeBackFds();
        assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
    }
}
