package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.unix.IntegerUnixChannelOption;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import io.tableflip.core.FdName;
import io.tableflip.core.WrongDescriptorException;
import io.tableflip.netty.channel.Listener;
import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Logs;
import java.io.RandomAccessFile;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
class UpgradableServersTest {
    private static final FdName WEB = FdName.listener("tcp", "web");

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    @Test
    void aNewListenerAcceptsNothingUntilItIsResumed() throws Exception {
        TestServer server = server(new FakeUpgrader());
        Channel channel = server.bind(DrainPolicy.HANDLERS);
        assertTrue(channel.config().isAutoRead(), "the user's AUTO_READ is left alone");
        Client client = cleanup.add(server.connect());
        Groups.awaitTurn(channel);
        assertNull(server.children.peek());

        server.upgrader.resume();
        assertEquals('x', client.read());
        assertEquals(
                Set.of(FdName.listener("tcp", "127.0.0.1:0")),
                server.upgrader.fds().used());
    }

    @Test
    void anInheritedListenerIsAdoptedAndServesWhatWaited() throws Exception {
        Socket listening = Sockets.listening(cleanup, 128);
        TestServer server = server(inherited(listening));
        Client waiting = cleanup.add(Client.connect(listening.localAddress()));

        Channel channel = web(server, listening.localAddress()).sync().channel();
        assertEquals(listening.localAddress(), channel.localAddress());
        Groups.awaitTurn(channel);
        assertNull(server.children.peek());

        server.upgrader.resume();
        assertEquals('x', waiting.read());
        assertEquals(Set.of(WEB), server.upgrader.fds().used());
    }

    /** As IPV6_V6ONLY, which not every machine has: what the system refuses for an inherited socket. */
    @ParameterizedTest
    @CsvSource({"6, false", "17, true"})
    void anOptionThatComesTooLateForAnInheritedSocketIsLeftOut(int wanted, boolean differs) throws Exception {
        ChannelOption<Integer> protocol = new IntegerUnixChannelOption("SO_PROTOCOL", 1, 38);
        Socket listening = Sockets.listening(cleanup, 128);
        TestServer server = server(inherited(listening));
        server.bootstrap.option(protocol, wanted).option(ChannelOption.SO_BACKLOG, 7);
        try (Logs logs = new Logs()) {
            Channel channel = web(server, listening.localAddress()).sync().channel();
            assertEquals(
                    differs,
                    logs.has("SO_PROTOCOL is 6 and was to be 17, but cannot be changed for an inherited socket"),
                    logs::toString);
            assertEquals(7, channel.config().getOption(ChannelOption.SO_BACKLOG));
        }
        assertEquals(wanted, server.bootstrap.config().options().get(protocol), "the user's bootstrap");
        server.upgrader.resume();
        assertEquals('x', cleanup.add(Client.connect(listening.localAddress())).read());
    }

    @Test
    void connectionsThatWaitWhileTheBossIsBusyAreServed() throws Exception {
        Socket listening = Sockets.listening(cleanup, 128);
        TestServer server = server(inherited(listening));
        List<Client> waiting = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            waiting.add(cleanup.add(Client.connect(listening.localAddress())));
        }
        CountDownLatch go = new CountDownLatch(1);
        server.boss.execute(() -> Await.latch(go));
        // One less than the 64 tasks after which a loop looks at the clock, and then at its sockets: the task
        // that adds the acceptor comes after that.
        for (int i = 0; i < 62; i++) {
            server.boss.execute(() -> {});
        }
        ChannelFuture bound = web(server, listening.localAddress());
        go.countDown();
        bound.sync();
        server.upgrader.resume();
        for (Client client : waiting) {
            assertEquals('x', client.read());
        }
    }

    @Test
    void aBlockingInheritedListenerDoesNotBlockTheLoop() throws Exception {
        Socket listening = Sockets.listening(cleanup, 128);
        Sockets.makeBlocking(listening);
        TestServer server = server(inherited(listening));
        Channel channel = web(server, listening.localAddress()).sync().channel();
        server.upgrader.resume();
        Client client = cleanup.add(Client.connect(listening.localAddress()));
        assertEquals('x', client.read());
        assertTrue(channel.eventLoop().submit(() -> {}).await(1, TimeUnit.SECONDS));
    }

    @Test
    void aDescriptorThatIsNoTcpListenerIsNamedAndNotLost() throws Exception {
        Socket datagram = Sockets.datagram(cleanup);
        assertRefused(datagram, datagram.localAddress(), "not a TCP socket");
        Socket bound = Sockets.bound(cleanup);
        assertRefused(bound, bound.localAddress(), "does not listen");
        Socket listening = Sockets.listening(cleanup, 1);
        Socket unix = Socket.newSocketDomain();
        cleanup.add(unix::close);
        assertRefused(unix, TestServer.ANY_PORT, "not a TCP socket");
        Socket connected = Sockets.bound(cleanup);
        connected.connect(listening.localAddress());
        assertRefused(connected, connected.localAddress(), "does not listen");
    }

    @Test
    void aFileUnderTheNameOfAListenerIsNamedAndNotLost(@TempDir Path directory) throws Exception {
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve("file").toFile(), "rw")) {
            int fd = Sockets.numberOf(directory.resolve("file"));
            TestServer server = server(new FakeUpgrader(Map.of(WEB, fd)));
            Throwable cause = web(server, TestServer.ANY_PORT).await().cause();
            assertEquals("listener:tcp:web (fd " + fd + ") is not a socket", message(cause));
            WrongDescriptorException wrong = assertInstanceOf(WrongDescriptorException.class, cause.getCause());
            assertEquals(WEB, wrong.name().orElseThrow());
            assertEquals(fd, wrong.number());
            file.write(1); // still open
        }
    }

    private void assertRefused(Socket wrong, InetSocketAddress address, String why) throws Exception {
        int fd = Sockets.duplicate(cleanup, wrong);
        TestServer server = server(new FakeUpgrader(Map.of(WEB, fd)));
        ChannelFuture refused = web(server, address).await();
        String message = message(refused.cause());
        assertTrue(message.startsWith("listener:tcp:web (fd " + fd + ")"), message);
        assertTrue(message.contains(why), message);
        assertEquals(Sockets.link(wrong.intValue()), Sockets.link(fd));
        assertEquals(message, server.upgrader.failures.get(0).getMessage());
    }

    @Test
    void aDescriptorThatIsClosedIsNamed() throws Exception {
        TestServer server = server(new FakeUpgrader(Map.of(WEB, 1_000_000)));
        ChannelFuture refused = web(server, TestServer.ANY_PORT).await();
        String message = message(refused.cause());
        assertTrue(message.startsWith("listener:tcp:web (fd 1000000) is not"), message);
    }

    /** A name that is an address promises that address. */
    @Test
    void whatIsBoundElsewhereIsRefusedAndCanBeBoundAsItShouldHaveBeen() throws Exception {
        Socket listening = Sockets.listening(cleanup, 128);
        FdName name = FdName.listener("tcp", "127.0.0.1:1");
        TestServer server = server(new FakeUpgrader(Map.of(name, Sockets.duplicate(cleanup, listening))));
        UpgradableServers servers = UpgradableServers.of(server.upgrader);
        Throwable refused =
                servers.bind(server.bootstrap, TestServer.loopback(1)).await().cause();
        assertTrue(
                message(refused)
                        .contains("listens at 127.0.0.1:"
                                + listening.localAddress().getPort() + ", not at 127.0.0.1:1:"),
                message(refused));
        assertInstanceOf(WrongDescriptorException.class, refused.getCause());
        Channel channel = servers.bind(
                        server.bootstrap,
                        BindSpec.of(listening.localAddress())
                                .name(name.address())
                                .drain(DrainPolicy.CLOSE))
                .sync()
                .channel();
        assertEquals(listening.localAddress(), channel.localAddress());
    }

    @Test
    void aSecondListenerOfTheSameNameIsRefusedAndTheFirstLives() throws Exception {
        Socket listening = Sockets.listening(cleanup, 128);
        TestServer server = server(inherited(listening));
        web(server, listening.localAddress()).sync();
        ChannelFuture second = web(server, listening.localAddress()).await();
        assertInstanceOf(IllegalStateException.class, second.cause());
        assertTrue(message(second.cause()).startsWith("listener:tcp:web is in use"));

        server.upgrader.resume();
        Client client = cleanup.add(Client.connect(listening.localAddress()));
        assertEquals('x', client.read());
    }

    @Test
    void ofTwoBindsOfOneNameAtOnceOneIsRefusedWhoeverMakesThem() throws Exception {
        TestServer server = server(new FakeUpgrader());
        ChannelFuture first = web(server, TestServer.ANY_PORT);
        ChannelFuture second = web(server, TestServer.ANY_PORT);
        assertTrue(message(second.await().cause()).startsWith("listener:tcp:web is in use"));
        first.sync().channel().close().sync();
        web(server, TestServer.ANY_PORT).sync();
    }

    @Test
    void theNameOfAChannelThatNoLoopTookIsFree() throws Exception {
        TestServer server = server(inherited(Sockets.listening(cleanup, 1)));
        EventLoopGroup nio = Groups.nio();
        cleanup.add(() -> nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        ChannelFuture refused = new ServerBootstrap()
                .group(nio)
                .channelFactory(UpgradableServers.of(server.upgrader)
                        .factory(BindSpec.of(TestServer.ANY_PORT).name("web").drain(DrainPolicy.CLOSE)))
                .childHandler(new Greeter())
                .bind(TestServer.ANY_PORT);
        assertNotNull(refused.await().cause());
        web(server, TestServer.ANY_PORT).sync();
        assertEquals(Set.of(WEB), server.upgrader.fds().used());
    }

    @Test
    void loopsThatAreNotEpollAreRefusedBeforeTheDescriptorIsTouched() throws Exception {
        Socket listening = Sockets.listening(cleanup, 128);
        FakeUpgrader upgrader = inherited(listening);
        EventLoopGroup nio = Groups.nio();
        cleanup.add(() -> nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        TestServer server = server(upgrader);
        assertRefused(upgrader, new ServerBootstrap().group(nio, server.workers), "group is a NioEventLoopGroup");
        assertRefused(upgrader, new ServerBootstrap().group(server.boss, nio), "childGroup is a NioEventLoopGroup");
        assertEquals(Set.of(WEB), upgrader.fds().inherited());

        web(server, listening.localAddress()).sync();
    }

    @Test
    void ioLoopsThatAreNotEpollAreRefused() throws Exception {
        EventLoopGroup nio = Groups.io("io.netty.channel.nio.NioIoHandler");
        cleanup.add(() -> nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        assertRefused(new FakeUpgrader(), new ServerBootstrap().group(nio), "group is a MultiThreadIoEventLoopGroup");
    }

    private static void assertRefused(FakeUpgrader upgrader, ServerBootstrap bootstrap, String why) {
        bootstrap.childHandler(new Greeter());
        UpgradableServers servers = UpgradableServers.of(upgrader);
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> servers.bind(
                        bootstrap, BindSpec.of(TestServer.ANY_PORT).name("web").drain(DrainPolicy.HANDLERS)));
        assertTrue(message(refused).startsWith(why), message(refused));
    }

    @Test
    void ioLoopsOfEpollServe() throws Exception {
        EventLoopGroup epoll = Groups.io("io.netty.channel.epoll.EpollIoHandler");
        cleanup.add(() -> epoll.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        FakeUpgrader upgrader = new FakeUpgrader();
        ServerBootstrap bootstrap = new ServerBootstrap().group(epoll).childHandler(new Greeter());
        Channel channel = UpgradableServers.of(upgrader)
                .bind(bootstrap, TestServer.ANY_PORT)
                .sync()
                .channel();
        upgrader.resume();
        Client client = cleanup.add(Client.connect(channel.localAddress()));
        assertEquals('x', client.read());
    }

    @Test
    void aBootstrapWithAChannelTypeIsRefusedAndOneWithoutIsNotChanged() throws Exception {
        TestServer server = server(new FakeUpgrader());
        ServerBootstrap typed = server.bootstrap.clone().channel(io.netty.channel.epoll.EpollServerSocketChannel.class);
        UpgradableServers servers = UpgradableServers.of(server.upgrader);
        IllegalStateException refused =
                assertThrows(IllegalStateException.class, () -> servers.bind(typed, TestServer.ANY_PORT));
        assertTrue(message(refused).contains("leave channel(..)"), message(refused));

        servers.bind(
                        server.bootstrap,
                        BindSpec.of(TestServer.ANY_PORT).name("one").drain(DrainPolicy.CLOSE))
                .sync();
        servers.bind(
                        server.bootstrap,
                        BindSpec.of(TestServer.ANY_PORT).name("two").drain(DrainPolicy.CLOSE))
                .sync();
        assertEquals(2, server.upgrader.participants.size());
    }

    @Test
    void anAddressOfAnotherFamilyIsRefused() {
        UpgradableServers servers = UpgradableServers.of(new FakeUpgrader());
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> servers.factory(BindSpec.of(new LocalAddress("here")).drain(DrainPolicy.CLOSE)));
        assertTrue(message(refused).contains("neither an InetSocketAddress nor"), message(refused));
    }

    @Test
    void aBindThatFailsNamesTheAddress() throws Exception {
        Socket other = Sockets.listening(cleanup, 1);
        TestServer server = server(inherited(other));
        InetSocketAddress taken = Sockets.listening(cleanup, 1).localAddress();
        Throwable cause = UpgradableServers.of(server.upgrader)
                .bind(server.bootstrap, taken)
                .await()
                .cause();
        assertInstanceOf(BindException.class, cause);
        assertEquals(
                "bind 127.0.0.1:" + taken.getPort()
                        + ": Address already in use; another listener of this process has the address. (One that moves"
                        + " to another address keeps the former one until the parent has exited: bind it after the"
                        + " listener that needs the former one.)",
                cause.getMessage());
        assertSame(cause, server.upgrader.failures.get(0));
        assertTrue(server.upgrader.participants.isEmpty());
        assertTrue(server.upgrader.fds().used().isEmpty());
    }

    @Test
    void aListenerThatItsUserClosesFreesItsPortAndItsName() throws Exception {
        TestServer server = server(new FakeUpgrader());
        Channel channel = server.bind(DrainPolicy.HANDLERS);
        server.upgrader.resume();
        Listener listener = server.listener();
        channel.close().sync();
        assertThrows(ConnectException.class, () -> Client.connect(channel.localAddress()));
        assertTrue(server.upgrader.fds().used().isEmpty());
        assertTrue(server.upgrader.participants.isEmpty());
        listener.lend(fd -> {
                    throw new AssertionError("lent");
                })
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);

        server.bind(DrainPolicy.HANDLERS);
        assertEquals(1, server.upgrader.participants.size());
    }

    @Test
    void anOpenListenerIsLentOnItsLoop() throws Exception {
        TestServer server = server(new FakeUpgrader());
        Channel channel = server.bind(DrainPolicy.HANDLERS);
        List<Integer> lent = new ArrayList<>();
        server.listener()
                .lend(fd -> {
                    assertTrue(channel.eventLoop().inEventLoop());
                    lent.add(fd);
                })
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
        assertEquals(List.of(((UnixChannel) server.listener().channel()).fd().intValue()), lent);
    }

    @Test
    void aListenerWhoseLoopIsGoneIsNotLent() throws Exception {
        TestServer server = server(new FakeUpgrader());
        server.bind(DrainPolicy.HANDLERS);
        Listener listener = server.listener();
        server.close();
        listener.lend(fd -> {
                    throw new AssertionError("lent");
                })
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
    }

    @Test
    void theQueueOfAnInheritedListenerGetsTheConfiguredLength() throws Exception {
        Socket listening = Sockets.listening(cleanup, 1);
        TestServer server = server(inherited(listening));
        server.bootstrap.option(ChannelOption.SO_BACKLOG, 64);
        web(server, listening.localAddress()).sync();
        // With a queue of one the third would get no answer.
        for (int i = 0; i < 20; i++) {
            cleanup.add(Client.connect(listening.localAddress()));
        }
    }

    @Test
    void aFactoryServesABootstrapThatInsistsOnBinding() throws Exception {
        TestServer server = server(new FakeUpgrader());
        ChannelFactory<ServerChannel> factory = UpgradableServers.of(server.upgrader)
                .factory(BindSpec.of(TestServer.ANY_PORT).drain(DrainPolicy.CLOSE));
        Channel channel = server.bootstrap
                .clone()
                .channelFactory(factory)
                .bind(TestServer.ANY_PORT)
                .sync()
                .channel();
        server.upgrader.resume();
        Client client = cleanup.add(Client.connect(channel.localAddress()));
        assertEquals('x', client.read());

        IllegalStateException second = assertThrows(IllegalStateException.class, factory::newChannel);
        assertTrue(message(second).contains("listener:tcp:127.0.0.1:0"), message(second));
    }

    @Test
    void aFactoryRefusesAnotherAddress() throws Exception {
        TestServer server = server(new FakeUpgrader());
        ChannelFactory<ServerChannel> factory = UpgradableServers.of(server.upgrader)
                .factory(BindSpec.of(TestServer.ANY_PORT).name("web").drain(DrainPolicy.CLOSE));
        ChannelFuture refused = server.bootstrap
                .clone()
                .channelFactory(factory)
                .bind(TestServer.loopback(1))
                .await();
        String message = message(refused.cause());
        assertTrue(message.contains("127.0.0.1:0 ") && message.contains("127.0.0.1:1:"), message);
        assertFalse(server.upgrader.fds().used().contains(WEB));
    }

    /** Without a bootstrap, which would close the channel after the first failure. */
    @Test
    void aChannelThatIsBoundAtTheSecondAttemptIsPassedOn() throws Exception {
        TestServer server = server(new FakeUpgrader());
        Channel channel = registered(server, "web");
        assertFalse(channel.bind(TestServer.loopback(1)).await().isSuccess());
        assertFalse(server.upgrader.fds().used().contains(WEB));
        channel.bind(TestServer.ANY_PORT).sync();
        assertTrue(server.upgrader.fds().used().contains(WEB));

        assertFalse(channel.bind(TestServer.ANY_PORT).await().isSuccess(), "it has an address");
        assertTrue(server.upgrader.fds().used().contains(WEB));
    }

    /** It would serve until the commit, and its clients would be refused then. */
    @Test
    void whatIsBoundDuringAnUpgradeIsRefused() throws Exception {
        TestServer server = server(new FakeUpgrader());
        Channel early = registered(server, "early");
        server.upgrader.passFds();
        assertTrue(message(web(server, TestServer.ANY_PORT).await().cause()).contains("an upgrade is in progress"));
        assertTrue(
                message(early.bind(TestServer.ANY_PORT).await().cause()).contains("an upgrade is in progress"),
                "made before it, and bound in it");
        server.upgrader.takeBackFds();
        early.bind(TestServer.ANY_PORT).sync();
        web(server, TestServer.ANY_PORT).sync();
        assertTrue(server.upgrader.fds().used().contains(WEB));
    }

    /** A channel that is not bound yet, as frameworks make it. */
    private Channel registered(TestServer server, String name) throws Exception {
        Channel channel = server.bootstrap
                .clone()
                .channelFactory(UpgradableServers.of(server.upgrader)
                        .factory(BindSpec.of(TestServer.ANY_PORT).name(name).drain(DrainPolicy.CLOSE)))
                .register()
                .sync()
                .channel();
        cleanup.add(() -> channel.close().sync());
        return channel;
    }

    private static String message(Throwable failure) {
        return String.valueOf(failure.getMessage());
    }

    private TestServer server(FakeUpgrader upgrader) {
        return cleanup.add(new TestServer(upgrader, pipeline -> pipeline.addLast(new Greeter())));
    }

    private static ChannelFuture web(TestServer server, InetSocketAddress address) {
        return UpgradableServers.of(server.upgrader)
                .bind(server.bootstrap, BindSpec.of(address).name("web").drain(DrainPolicy.HANDLERS));
    }

    /** The upgrader owns a number of its own; the socket given stays with the test. */
    private FakeUpgrader inherited(Socket socket) {
        return new FakeUpgrader(Map.of(WEB, Sockets.duplicate(cleanup, socket)));
    }

    /** Sends an x. */
    @io.netty.channel.ChannelHandler.Sharable
    private static final class Greeter extends ChannelInboundHandlerAdapter {
        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            ctx.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {'x'}));
        }
    }
}
