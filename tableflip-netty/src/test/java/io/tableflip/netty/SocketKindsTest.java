package io.tableflip.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.UnixChannel;
import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.WrongDescriptorException;
import io.tableflip.netty.channel.ServedChannel;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import jnr.posix.POSIXFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Sockets of every kind through two generations in one process: what the first lends, the second inherits as
 * a duplicate.
 */
@Timeout(30)
class SocketKindsTest {
    private static final Duration QUIET = Duration.ofMillis(50);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    @TempDir
    Path directory;

    private EventLoopGroup loops;

    @BeforeEach
    void loops() {
        loops = Groups.epoll(1);
        cleanup.add(() -> loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
    }

    /** A second upgrader that has inherited everything that the first one passes on. */
    private FakeUpgrader next(FakeUpgrader first) throws Exception {
        Map<FdName, Integer> passed = new LinkedHashMap<>();
        for (var participant : first.participants) {
            ServedChannel bound = (ServedChannel) participant;
            bound.lend(fd -> passed.put(bound.name(), POSIXFactory.getPOSIX().dup(fd)))
                    .toCompletableFuture()
                    .get(10, TimeUnit.SECONDS);
        }
        return new FakeUpgrader(passed);
    }

    /** The commit: the child reads, the parent lets go. */
    private static void takeOver(FakeUpgrader parent, FakeUpgrader child) throws Exception {
        parent.passFds();
        child.resume();
        CompletableFuture<DrainReport> drained = parent.drain(TIMEOUT);
        drained.get(20, TimeUnit.SECONDS);
        parent.release();
    }

    // ---- Unix streams

    private DomainSocketAddress path() {
        return new DomainSocketAddress(directory.resolve("app.sock").toString());
    }

    private TestServer greeter(FakeUpgrader upgrader, char letter) {
        return cleanup.add(new TestServer(
                upgrader,
                pipeline -> pipeline.addLast(new ChannelInboundHandlerAdapter() {
                    @Override
                    public void channelActive(ChannelHandlerContext ctx) {
                        ctx.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {(byte) letter}));
                    }
                })));
    }

    private static char greeting(Path path) throws IOException {
        try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            ByteBuffer buffer = ByteBuffer.allocate(1);
            client.read(buffer);
            return (char) buffer.get(0);
        }
    }

    @Test
    void aUnixListenerIsPassedOnAndItsPathStays() throws Exception {
        TestServer first = greeter(new FakeUpgrader(), '1');
        UpgradableServers.of(first.upgrader)
                .bind(first.bootstrap, BindSpec.of(path()).drain(DrainPolicy.CLOSE))
                .sync();
        first.upgrader.resume();
        Path file = directory.resolve("app.sock");
        assertEquals('1', greeting(file));

        TestServer second = greeter(next(first.upgrader), '2');
        UpgradableServers.of(second.upgrader)
                .bind(second.bootstrap, BindSpec.of(path()).drain(DrainPolicy.CLOSE))
                .sync();
        takeOver(first.upgrader, second.upgrader);
        assertEquals('2', greeting(file));
        assertEquals(
                Set.of(FdName.listener("unix", file.toString())),
                second.upgrader.fds().used());
    }

    @Test
    void anAbstractNameIsPassedOn() throws Exception {
        DomainSocketAddress name = new DomainSocketAddress("\0tableflip-test-" + directory.getFileName());
        TestServer first = greeter(new FakeUpgrader(), '1');
        UpgradableServers.of(first.upgrader)
                .bind(first.bootstrap, BindSpec.of(name).drain(DrainPolicy.CLOSE))
                .sync();
        FakeUpgrader child = next(first.upgrader);
        assertEquals(
                Set.of(FdName.listener("unix", "@" + name.path().substring(1))),
                child.fds().inherited());
        TestServer second = greeter(child, '2');
        UpgradableServers.of(child)
                .bind(second.bootstrap, BindSpec.of(name).drain(DrainPolicy.CLOSE))
                .sync();
        takeOver(first.upgrader, child);
        assertEquals('2', netty(name));
    }

    private char netty(DomainSocketAddress name) throws Exception {
        BlockingQueue<Character> got = new LinkedBlockingQueue<>();
        Channel client = new Bootstrap()
                .group(loops)
                .channel(io.netty.channel.epoll.EpollDomainSocketChannel.class)
                .handler(reader(got))
                .connect(name)
                .sync()
                .channel();
        cleanup.add(() -> client.close().sync());
        Character letter = got.poll(10, TimeUnit.SECONDS);
        return letter == null ? '-' : letter;
    }

    private static ChannelInboundHandlerAdapter reader(BlockingQueue<Character> got) {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                ByteBuf bytes = (ByteBuf) message;
                while (bytes.isReadable()) {
                    got.add((char) bytes.readByte());
                }
                bytes.release();
            }
        };
    }

    @Test
    void whatIsNoSocketStaysAtItsPath() throws Exception {
        Path file = Files.writeString(directory.resolve("app.sock"), "mine");
        assertBindFails("app.sock: this exists and is no socket", false);
        assertBindFails("app.sock: this exists and is no socket", true);
        assertEquals("mine", Files.readString(file));
    }

    @Test
    void aStaleSocketFileIsNamedAndReplacedOnlyIfAsked() throws Exception {
        Path file = directory.resolve("app.sock");
        try (ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            killed.bind(UnixDomainSocketAddress.of(file));
            assertBindFails("app.sock: Address already in use", false);
            assertBindFails("app.sock: Address already in use", true);
        }
        assertBindFails("replaceStaleSocket()", false);
        assertTrue(Files.exists(file, LinkOption.NOFOLLOW_LINKS));
        TestServer server = greeter(new FakeUpgrader(), '1');
        UpgradableServers.of(server.upgrader)
                .bind(server.bootstrap, BindSpec.of(path()).replaceStaleSocket())
                .sync();
        server.upgrader.resume();
        assertEquals('1', greeting(file));
    }

    private void assertBindFails(String why, boolean replace) throws Exception {
        TestServer server = greeter(new FakeUpgrader(), '1');
        UpgradableServers servers = UpgradableServers.of(server.upgrader);
        ChannelFuture bound = servers.bind(
                server.bootstrap, replace ? BindSpec.of(path()).replaceStaleSocket() : BindSpec.of(path()));
        String message = String.valueOf(bound.await().cause().getMessage());
        assertTrue(message.contains(why), message);
        assertTrue(message.startsWith("bind " + directory), message);
        assertTrue(server.upgrader.fds().used().isEmpty());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "long    | has 120 bytes, and a Unix socket's path or name can have 107",
                "empty   | a Unix socket needs a path or a name",
                "at      | can be read in two ways",
            })
    void aPathThatCannotBeBoundIsRefusedAtOnce(String which, String why) {
        String path = switch (which) {
            case "long" -> "/" + "x".repeat(119);
            case "at" -> "@name";
            default -> "";
        };
        UpgradableServers servers = UpgradableServers.of(new FakeUpgrader());
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> servers.factory(BindSpec.of(new DomainSocketAddress(path)).drain(DrainPolicy.CLOSE)));
        assertTrue(String.valueOf(refused.getMessage()).contains(why), refused::getMessage);
    }

    @Test
    void aSocketOfAnotherFamilyUnderTheNameIsRefused() throws Exception {
        int tcp = Sockets.duplicate(cleanup, Sockets.listening(cleanup, 1));
        FdName name = FdName.listener("unix", path().path());
        TestServer server = greeter(new FakeUpgrader(Map.of(name, tcp)), '1');
        Throwable refused = UpgradableServers.of(server.upgrader)
                .bind(server.bootstrap, path())
                .await()
                .cause();
        assertEquals(name + " (fd " + tcp + ") is not a Unix stream socket", refused.getMessage());
        assertInstanceOf(WrongDescriptorException.class, refused.getCause());
    }

    @Test
    void aBindThatComesAfterReadyHearsWhyTheAddressIsInUse() throws Exception {
        TestServer first = greeter(new FakeUpgrader(), '1');
        InetSocketAddress address =
                (InetSocketAddress) first.bind(DrainPolicy.CLOSE).localAddress();
        FdName name = FdName.listener("tcp", "127.0.0.1:" + address.getPort());
        int passed = Sockets.duplicate(cleanup, Sockets.listening(cleanup, 1));
        TestServer second = greeter(new FakeUpgrader(Map.of(name, passed)), '2');
        second.upgrader.closeUnclaimedFds();
        assertFails(
                "bind 127.0.0.1:" + address.getPort() + ": Address already in use; " + name
                        + " was inherited, but not claimed before ready(), and so it was closed here: bind before ready()",
                UpgradableServers.of(second.upgrader)
                        .bind(second.bootstrap, BindSpec.of(address).drain(DrainPolicy.CLOSE)));
    }

    private static void assertFails(String why, ChannelFuture future) throws Exception {
        String message = String.valueOf(future.await().cause().getMessage());
        assertTrue(message.contains(why), message);
    }

    // ---- an address that changes

    @Test
    void theOldAddressOfANameIsServedUntilTheParentHasGone() throws Exception {
        TestServer first = greeter(new FakeUpgrader(), '1');
        Channel old = UpgradableServers.of(first.upgrader)
                .bind(
                        first.bootstrap,
                        BindSpec.of(TestServer.ANY_PORT).name("web").drain(DrainPolicy.CLOSE))
                .sync()
                .channel();
        InetSocketAddress before = (InetSocketAddress) old.localAddress();
        first.upgrader.resume();

        TestServer second = greeter(next(first.upgrader), '2');
        Channel now = UpgradableServers.of(second.upgrader)
                .bind(
                        second.bootstrap,
                        BindSpec.of(new InetSocketAddress("127.0.0.2", 0))
                                .name("web")
                                .drain(DrainPolicy.CLOSE))
                .sync()
                .channel();
        first.upgrader.pause();
        Client queued = cleanup.add(Client.connect(before));
        takeOver(first.upgrader, second.upgrader);
        assertEquals('2', queued.read());
        assertEquals(
                '2',
                cleanup.add(Client.connect((InetSocketAddress) now.localAddress()))
                        .read());
        assertEquals(1, second.upgrader.participants.size());
        assertEquals(2, second.listener().connections().size());

        second.upgrader.parentExited.complete(null);
        Await.until("the old address is closed", () -> {
            try {
                Client.connect(before).close();
                return false;
            } catch (IOException e) {
                return true;
            }
        });
        assertEquals(
                '2',
                cleanup.add(Client.connect((InetSocketAddress) now.localAddress()))
                        .read());
    }

    // ---- groups

    @Test
    void aGroupIsPassedOnWholeAndMayGrowButNotShrink() throws Exception {
        InetSocketAddress address = Sockets.freeAddress();
        TestServer first = greeter(new FakeUpgrader(), '1');
        group(first, address, 2);
        first.upgrader.resume();
        first.upgrader.pause();
        List<Client> queued = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            queued.add(cleanup.add(Client.connect(address)));
        }
        TestServer second = greeter(next(first.upgrader), '2');
        assertEquals(3, group(second, address, 3));
        takeOver(first.upgrader, second.upgrader);
        for (Client client : queued) {
            assertEquals('2', client.read());
        }
        TestServer third = greeter(next(second.upgrader), '3');
        assertEquals(3, group(third, address, 1));
    }

    private static int group(TestServer server, InetSocketAddress address, int count) throws Exception {
        List<ChannelFuture> bound = UpgradableServers.of(server.upgrader)
                .bindGroup(server.bootstrap, BindSpec.of(address).drain(DrainPolicy.CLOSE), count);
        for (ChannelFuture one : bound) {
            one.sync();
        }
        return bound.size();
    }

    @Test
    void aGroupNeedsAPort() {
        TestServer server = greeter(new FakeUpgrader(), '1');
        UpgradableServers servers = UpgradableServers.of(server.upgrader);
        assertThrows(
                IllegalArgumentException.class,
                () -> servers.bindGroup(
                        server.bootstrap, BindSpec.of(TestServer.ANY_PORT).drain(DrainPolicy.CLOSE), 2));
        assertThrows(
                IllegalArgumentException.class,
                () -> servers.bindGroup(server.bootstrap, BindSpec.of(path()).drain(DrainPolicy.CLOSE), 2));
    }

    // ---- datagrams

    private Bootstrap echo(String mark) {
        return new Bootstrap().group(loops).handler(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                if (message instanceof DatagramPacket packet) {
                    ctx.writeAndFlush(new DatagramPacket(answer(packet.content()), packet.sender()));
                    packet.release();
                } else if (message instanceof DomainDatagramPacket packet) {
                    ctx.writeAndFlush(new DomainDatagramPacket(answer(packet.content()), packet.sender()));
                    packet.release();
                }
            }

            private ByteBuf answer(ByteBuf question) {
                return Unpooled.copiedBuffer(mark + question.toString(US_ASCII), US_ASCII);
            }
        });
    }

    @Test
    void everyDatagramIsAnsweredByOneOfTheTwo() throws Exception {
        FakeUpgrader first = new FakeUpgrader();
        Channel channel = UpgradableServers.of(first)
                .bind(echo("1"), BindSpec.of(TestServer.ANY_PORT).name("dns").quiet(QUIET))
                .sync()
                .channel();
        try (DatagramSocket client = new DatagramSocket()) {
            client.connect(channel.localAddress());
            client.setSoTimeout(10_000);
            send(client, "a"); // nobody reads yet
            first.resume();
            assertEquals("1a", receive(client));

            FakeUpgrader second = next(first);
            UpgradableServers.of(second)
                    .bind(
                            echo("2"),
                            BindSpec.of((InetSocketAddress) channel.localAddress())
                                    .name("dns")
                                    .quiet(QUIET))
                    .sync();
            first.pause();
            send(client, "b");
            takeOver(first, second);
            assertEquals("2b", receive(client));
            assertTrue(!channel.isOpen());
            assertEquals(Set.of(FdName.packet("udp", "dns")), second.fds().used());
        }
    }

    private static void send(DatagramSocket client, String text) throws IOException {
        client.send(new java.net.DatagramPacket(text.getBytes(US_ASCII), text.length()));
    }

    private static String receive(DatagramSocket client) throws IOException {
        java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[100], 100);
        client.receive(packet);
        return new String(packet.getData(), 0, packet.getLength(), US_ASCII);
    }

    /** A rollback: the one that had drained reads again. */
    @Test
    void aDatagramSocketThatHasDrainedCanGoOn() throws Exception {
        FakeUpgrader upgrader = new FakeUpgrader();
        Channel channel = UpgradableServers.of(upgrader)
                .bind(echo("1"), BindSpec.of(TestServer.ANY_PORT).name("dns").quiet(QUIET))
                .sync()
                .channel();
        upgrader.resume();
        assertEquals(1, upgrader.drain(TIMEOUT).get(20, TimeUnit.SECONDS).finished());
        try (DatagramSocket client = new DatagramSocket()) {
            client.connect(channel.localAddress());
            client.setSoTimeout(10_000);
            send(client, "a");
            Groups.awaitTurn(channel);
            upgrader.resume();
            assertEquals("1a", receive(client));
        }
    }

    /** A datagram socket that was asked, and has not answered yet. */
    private final class Asked implements AutoCloseable {
        final FakeUpgrader upgrader = new FakeUpgrader();
        final Channel channel;
        private final CompletableFuture<ChannelHandlerContext> asked = new CompletableFuture<>();
        private final CompletableFuture<InetSocketAddress> sender = new CompletableFuture<>();
        private final DatagramSocket client = new DatagramSocket();

        Asked(Duration quiet) throws Exception {
            Bootstrap bootstrap = new Bootstrap().group(loops).handler(new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object message) {
                    sender.complete(((DatagramPacket) message).sender());
                    ((DatagramPacket) message).release();
                    asked.complete(ctx);
                }
            });
            channel = UpgradableServers.of(upgrader)
                    .bind(
                            bootstrap,
                            BindSpec.of(TestServer.ANY_PORT).name("dns").quiet(quiet))
                    .sync()
                    .channel();
            upgrader.resume();
            client.connect(channel.localAddress());
            client.setSoTimeout(10_000);
            send(client, "a");
            asked.get(10, TimeUnit.SECONDS);
        }

        CompletableFuture<?> release() {
            return upgrader.participants.iterator().next().release().toCompletableFuture();
        }

        void assertAnswersLate() throws Exception {
            ByteBuf late = Unpooled.copiedBuffer("late", US_ASCII);
            asked.get(10, TimeUnit.SECONDS)
                    .writeAndFlush(new DatagramPacket(late, sender.get(10, TimeUnit.SECONDS)))
                    .sync();
            assertEquals("late", receive(client));
        }

        @Override
        public void close() {
            client.close();
        }
    }

    /**
     * It stays open for answers that take their time, until nothing has been written for as long as was said.
     */
    @Test
    void aDatagramSocketIsOpenUntilItsAnswersAreWritten() throws Exception {
        try (Asked socket = new Asked(Duration.ofSeconds(10))) {
            CompletableFuture<DrainReport> drained = socket.upgrader.drain(Duration.ofSeconds(2));
            CompletableFuture<?> released = socket.release();
            socket.assertAnswersLate();
            DrainReport report = drained.get(20, TimeUnit.SECONDS);
            assertEquals(1, report.forced());
            assertTrue(report.elapsed().compareTo(Duration.ofSeconds(2)) >= 0, report::toString);
            assertEquals(Set.of("other"), report.protocols().keySet());
            released.get(10, TimeUnit.SECONDS);
        }
    }

    /** A final stop lets go first, and then drains. */
    @Test
    void whatWasReadBeforeAStopIsAnswered() throws Exception {
        try (Asked socket = new Asked(Duration.ofSeconds(20))) {
            CompletableFuture<?> released = socket.release();
            CompletableFuture<DrainReport> drained = socket.upgrader.drain(TIMEOUT);
            socket.assertAnswersLate();
            assertFalse(released.isDone());
            socket.channel.close().sync();
            assertEquals(1, drained.get(20, TimeUnit.SECONDS).finished());
            released.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void oneThatNeverReadIsClosedByAStop() throws Exception {
        FakeUpgrader upgrader = new FakeUpgrader();
        Channel channel =
                UpgradableServers.of(upgrader).bind(echo("1"), path()).sync().channel();
        upgrader.release();
        assertFalse(channel.isOpen());
        assertEquals(1, upgrader.drain(TIMEOUT).get(20, TimeUnit.SECONDS).finished());
    }

    @Test
    void aUnixDatagramSocketIsPassedOn() throws Exception {
        FakeUpgrader first = new FakeUpgrader();
        UpgradableServers.of(first).bind(echo("1"), path()).sync();
        first.resume();
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        Channel client = datagramClient(answers);
        ask(client, "a");
        assertEquals("1a", answers.poll(10, TimeUnit.SECONDS));

        FakeUpgrader second = next(first);
        Channel adopted =
                UpgradableServers.of(second).bind(echo("2"), path()).sync().channel();
        assertNull(adopted.localAddress());
        first.pause();
        ask(client, "b");
        takeOver(first, second);
        assertEquals("2b", answers.poll(10, TimeUnit.SECONDS));
        ask(client, "c");
        assertEquals("2c", answers.poll(10, TimeUnit.SECONDS));
    }

    private Channel datagramClient(BlockingQueue<String> answers) throws Exception {
        Channel client = new Bootstrap()
                .group(loops)
                .channel(EpollDomainDatagramChannel.class)
                .handler(new ChannelInboundHandlerAdapter() {
                    @Override
                    public void channelRead(ChannelHandlerContext ctx, Object message) {
                        DomainDatagramPacket packet = (DomainDatagramPacket) message;
                        answers.add(packet.content().toString(US_ASCII));
                        packet.release();
                    }
                })
                .bind(new DomainSocketAddress(directory.resolve("client.sock").toString()))
                .sync()
                .channel();
        cleanup.add(() -> client.close().sync());
        return client;
    }

    private void ask(Channel client, String text) throws Exception {
        client.writeAndFlush(new DomainDatagramPacket(Unpooled.copiedBuffer(text, US_ASCII), path()))
                .sync();
    }

    // ---- where there is no epoll

    private static ChannelInboundHandlerAdapter letters(char letter) {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                ((ByteBuf) message).release();
                ctx.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {(byte) letter}));
            }
        };
    }

    private static final class Initializer extends ChannelInitializer<Channel> {
        private final char letter;

        Initializer(char letter) {
            this.letter = letter;
        }

        @Override
        protected void initChannel(Channel child) {
            child.pipeline().addLast(letters(letter));
        }
    }

    @Test
    void withAStubNioLoopsServe() throws Exception {
        EventLoopGroup nio = Groups.nio();
        cleanup.add(() -> nio.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync());
        FakeUpgrader stub = new FakeUpgrader();
        stub.supported = false;
        ServerBootstrap bootstrap = new ServerBootstrap().group(nio).childHandler(new Initializer('n'));
        Channel bound = UpgradableServers.of(stub)
                .bind(bootstrap, TestServer.ANY_PORT)
                .sync()
                .channel();
        stub.resume();
        Client client = cleanup.add(Client.connect((InetSocketAddress) bound.localAddress()));
        client.send("x");
        assertEquals('n', client.read());
        assertTrue(!(bound instanceof UnixChannel));
        stub.drain(TIMEOUT);
        stub.release();
        assertTrue(!bound.isOpen());
    }
}
