package io.tableflip.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.LinuxSocket;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannelOption;
import io.tableflip.core.FdName;
import io.tableflip.core.FdSource;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import jnr.posix.POSIXFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A new release writes the address of an inherited socket in another way, or wants another address. */
@Timeout(30)
class InheritedAddressTest {
    private static final byte[] ONE = {127, 0, 0, 1};
    private static final byte[] TWO = {127, 0, 0, 2};
    private static final byte[] ANY = {0, 0, 0, 0};
    private static final String LATER = "; to change it, stop and start the service once";

    static {
        Epoll.ensureAvailability();
    }

    @RegisterExtension
    final Cleanup cleanup = new Cleanup();

    @TempDir
    Path directory;

    private static InetSocketAddress at(String host, byte[] address, int port) throws IOException {
        return new InetSocketAddress(InetAddress.getByAddress(host, address), port);
    }

    private static InetSocketAddress at(byte[] address, int port) throws IOException {
        return new InetSocketAddress(InetAddress.getByAddress(address), port);
    }

    private static FdName tcp(String address) {
        return FdName.listener("tcp", address);
    }

    private Socket listening(boolean ipv6, InetSocketAddress address, boolean shared) throws IOException {
        LinuxSocket socket = LinuxSocket.newSocketStream(ipv6);
        cleanup.add(socket::close);
        socket.setReusePort(shared);
        socket.bind(address);
        socket.listen(64);
        return socket;
    }

    private FakeUpgrader inherited(Object... namesAndSockets) {
        Map<FdName, Integer> passed = new LinkedHashMap<>();
        for (int i = 0; i < namesAndSockets.length; i += 2) {
            passed.put((FdName) namesAndSockets[i], Sockets.duplicate(cleanup, (Socket) namesAndSockets[i + 1]));
        }
        return new FakeUpgrader(passed);
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

    private static BindSpec spec(SocketAddress address) {
        return BindSpec.of(address).drain(DrainPolicy.CLOSE);
    }

    private static void bind(TestServer server, BindSpec spec) throws Exception {
        UpgradableServers.of(server.upgrader).bind(server.bootstrap, spec).sync();
    }

    private static String failure(TestServer server, BindSpec spec) throws Exception {
        Throwable cause = UpgradableServers.of(server.upgrader)
                .bind(server.bootstrap, spec)
                .await()
                .cause();
        assertTrue(server.upgrader.failures.contains(cause) || server.upgrader.failures.contains(cause.getCause()));
        return String.valueOf(cause.getMessage());
    }

    private void assertServes(char letter, InetSocketAddress address) throws IOException {
        assertEquals(letter, cleanup.add(Client.connect(address)).read());
    }

    // ---- one socket

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "name", "literal", "from-name", "mapped"})
    void theSameSocketIsAdoptedWhateverItsNameIs(String change) throws Exception {
        Socket socket = listening(change.equals("mapped"), TestServer.ANY_PORT, false);
        int port = socket.localAddress().getPort();
        FdName before = tcp(
                switch (change) {
                    case "literal", "mapped" -> "localhost:" + port;
                    case "from-name" -> "web";
                    default -> "127.0.0.1:" + port;
                });
        BindSpec spec = switch (change) {
            case "localhost" -> spec(at("localhost", ONE, port));
            case "name" -> spec(at(ONE, port)).name("web");
            default -> spec(at(ONE, port));
        };
        FdName now = tcp(
                switch (change) {
                    case "localhost" -> "localhost:" + port;
                    case "name" -> "web";
                    default -> "127.0.0.1:" + port;
                });
        TestServer server = greeter(inherited(before, socket), '2');
        try (Logs logs = new Logs()) {
            bind(server, spec);
            assertTrue(
                    logs.has("INFO " + now + ": adopted " + before
                            + " of the parent, which is the same socket (bound to 127.0.0.1:" + port + ")"),
                    logs::toString);
        }
        server.upgrader.resume();
        assertServes('2', socket.localAddress());
        assertEquals(Set.of(now), server.upgrader.fds().used());
        assertEquals(Set.of(), server.upgrader.fds().inherited());
        assertEquals(Set.of(now), server.upgrader.passFds().keySet());
    }

    @Test
    void anAddressOfIpv6IsTheSameHoweverItIsWritten() throws Exception {
        InetAddress loopback = InetAddress.getByName("::1");
        assumeTrue(has(loopback), "no IPv6 loopback");
        Socket socket = listening(true, new InetSocketAddress(loopback, 0), false);
        TestServer server = greeter(inherited(tcp("ip6-localhost:1"), socket), '2');
        bind(server, spec(new InetSocketAddress(loopback, socket.localAddress().getPort())));
        server.upgrader.resume();
        assertServes('2', socket.localAddress());
    }

    private static boolean has(InetAddress address) throws IOException {
        return NetworkInterface.getByInetAddress(address) != null;
    }

    @Test
    void theWildcardForBothVersionsIsTheSameInEither() throws Exception {
        assumeTrue(Socket.isIPv6Preferred(), "no IPv6");
        InetAddress six = InetAddress.getByName("::");
        Socket socket = listening(true, new InetSocketAddress(six, 0), false);
        int port = socket.localAddress().getPort();
        TestServer server = greeter(inherited(tcp("[::]:" + port), socket), '2');
        bind(server, spec(at(ANY, port)));
        server.upgrader.resume();
        assertServes('2', at(ONE, port));
        assertEquals(Set.of(tcp("0.0.0.0:" + port)), server.upgrader.fds().used());
    }

    @Test
    void theWildcardOfIpv4IsNotThatOfIpv6() throws Exception {
        assumeTrue(Socket.isIPv6Preferred(), "no IPv6");
        Socket socket = listening(false, at(ANY, 0), false);
        int port = socket.localAddress().getPort();
        FdName before = tcp("0.0.0.0:" + port);
        TestServer server = greeter(inherited(before, socket), '2');
        assertEquals(
                "bind [::]:" + port + ": Address already in use; in the way is the inherited " + before + " at 0.0.0.0:"
                        + port + " (IPv4 only): it does not serve the same versions of IP, and the kernel does not bind"
                        + " a second wildcard address to its port. Keep 0.0.0.0:" + port + " (IPv4 only) for upgrades"
                        + LATER,
                failure(server, spec(new InetSocketAddress(InetAddress.getByName("::"), port))));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aWildcardAndASingleAddressAreNotTheSame(boolean toWildcard) throws Exception {
        Socket socket = listening(false, at(toWildcard ? ONE : ANY, 0), false);
        int port = socket.localAddress().getPort();
        String there = (toWildcard ? "127.0.0.1:" + port : "0.0.0.0:" + port + " (IPv4 only)");
        String wanted = (toWildcard ? "0.0.0.0:" : "127.0.0.1:") + port;
        String expected = "bind " + wanted + ": Address already in use; in the way is the inherited listener:tcp:%s at "
                + there + ": a wildcard address includes each single address, so the kernel does not bind both to one"
                + " port. Keep " + there + " for upgrades" + LATER;
        BindSpec spec = spec(at(toWildcard ? ANY : ONE, port));

        TestServer server = greeter(inherited(tcp("localhost:" + port), socket), '2');
        assertEquals(expected.formatted("localhost:" + port), failure(server, spec));
        assertEquals(Set.of(tcp("localhost:" + port)), server.upgrader.fds().inherited());
        TestServer named = greeter(inherited(tcp("web"), socket), '2');
        assertEquals(expected.formatted("web"), failure(named, spec.name("web")));
    }

    @Test
    void aPortZeroAdoptsNothing() throws Exception {
        Socket socket = Sockets.listening(cleanup, 1);
        TestServer server = greeter(inherited(tcp("web"), socket), '2');
        bind(server, spec(TestServer.ANY_PORT));
        assertEquals(Set.of(tcp("web")), server.upgrader.fds().inherited());
    }

    @Test
    void aSocketThatDoesNotListenOrIsOfAnotherKindIsLeftAlone() throws Exception {
        Socket bound = Sockets.bound(cleanup);
        TestServer server = greeter(
                inherited(
                        tcp("web"),
                        bound,
                        FdName.packet("udp", "dns"),
                        Sockets.datagram(cleanup),
                        tcp("unix"),
                        unix(path())),
                '2');
        int port = bound.localAddress().getPort();
        assertEquals("bind 127.0.0.1:" + port + ": Address already in use", failure(server, spec(at(ONE, port))));
        assertEquals(3, server.upgrader.fds().inherited().size());
    }

    private Socket unix(Path path) throws IOException {
        Socket socket = Socket.newSocketDomain();
        cleanup.add(socket::close);
        socket.bind(new DomainSocketAddress(path.toString()));
        socket.listen(8);
        return socket;
    }

    // ---- names

    @Test
    void anExactNameWins() throws Exception {
        Socket one = listening(false, TestServer.ANY_PORT, true);
        InetSocketAddress address = one.localAddress();
        Socket two = listening(false, address, true);
        TestServer server = greeter(inherited(tcp("a"), one, tcp("b"), two), '2');
        server.bootstrap.option(UnixChannelOption.SO_REUSEPORT, true);
        bind(server, spec(address).name("b"));
        assertEquals(Set.of(tcp("a")), server.upgrader.fds().inherited());
        bind(server, spec(address).name("c"));
        assertEquals(Set.of(), server.upgrader.fds().inherited());
        assertEquals(Set.of(tcp("b"), tcp("c")), server.upgrader.fds().used());
    }

    @Test
    void twoListenersChangeTheirAddresses() throws Exception {
        Socket web = Sockets.listening(cleanup, 8);
        Socket admin = Sockets.listening(cleanup, 8);
        TestServer server = greeter(inherited(tcp("web"), web, tcp("admin"), admin), '2');
        bind(server, spec(admin.localAddress()).name("web"));
        bind(server, spec(web.localAddress()).name("admin"));
        server.upgrader.resume();
        assertServes('2', web.localAddress());
        assertServes('2', admin.localAddress());
        assertEquals(Set.of(tcp("web"), tcp("admin")), server.upgrader.fds().used());
    }

    @Test
    void aNewListenerTakesTheAddressThatAnotherOneLeaves() throws Exception {
        Socket web = Sockets.listening(cleanup, 8);
        BindSpec moved = spec(Sockets.freeAddress()).name("web");
        BindSpec admin = spec(web.localAddress()).name("admin");

        TestServer late = greeter(inherited(tcp("web"), web), '2');
        bind(late, moved);
        String failure = failure(late, admin);
        assertTrue(failure.contains("bind it after the listener that needs the former one"), failure);
        late.upgrader.parentExited.complete(null);
        late.close();

        TestServer server = greeter(inherited(tcp("web"), web), '2');
        bind(server, admin);
        bind(server, spec(Sockets.freeAddress()).name("web"));
        server.upgrader.resume();
        assertServes('2', web.localAddress());
        assertEquals(Set.of(tcp("web"), tcp("admin")), server.upgrader.fds().used());
    }

    @Test
    void aBindAfterReadyHearsWhatWasClosed() throws Exception {
        Socket socket = Sockets.listening(cleanup, 1);
        int port = socket.localAddress().getPort();
        TestServer server = greeter(inherited(tcp("web"), socket), '2');
        server.upgrader.closeUnclaimedFds();
        String failure = failure(server, spec(at(ONE, port)));
        assertTrue(failure.startsWith("bind 127.0.0.1:" + port + ": Address already in use; "), failure);
    }

    // ---- host names

    @Test
    void aHostNameThatLeadsElsewhereIsBoundThere() throws Exception {
        Socket socket = Sockets.listening(cleanup, 8);
        int port = socket.localAddress().getPort();
        FdName name = tcp("web.test:" + port);
        TestServer server = greeter(inherited(name, socket), '2');
        try (Logs logs = new Logs()) {
            bind(server, spec(at("web.test", TWO, port)));
            assertTrue(
                    logs.has("INFO " + name + " was at 127.0.0.1:" + port + " and is to move to web.test:" + port
                            + " (127.0.0.2); 127.0.0.1:" + port + " is then served until the parent has exited"),
                    logs::toString);
        }
        server.upgrader.resume();
        assertServes('2', socket.localAddress());
        assertServes('2', at(TWO, port));
    }

    @Test
    void aHostNameThatLeadsToATakenAddressIsNamed() throws Exception {
        Socket socket = Sockets.listening(cleanup, 8);
        int port = socket.localAddress().getPort();
        listening(false, at(TWO, port), false);
        FdName name = tcp("web.test:" + port);
        TestServer server = greeter(inherited(name, socket), '2');
        assertEquals(
                "bind web.test:" + port + " (127.0.0.2): Address already in use; " + name
                        + " was inherited at 127.0.0.1:" + port
                        + " and its address has changed to that of another listener of this process."
                        + " Restore that address, or free the new one",
                failure(server, spec(at("web.test", TWO, port))));
    }

    @Test
    void aHostNameThatLeadsToAnAddressOfAnotherHostIsNamed() throws Exception {
        Socket socket = Sockets.listening(cleanup, 8);
        int port = socket.localAddress().getPort();
        FdName name = tcp("web.test:" + port);
        TestServer server = greeter(inherited(name, socket), '2');
        assertEquals(
                "bind web.test:" + port + " (192.0.2.1): Cannot assign requested address; " + name
                        + " was inherited at 127.0.0.1:" + port
                        + " and its address has changed. Restore that address, or correct the new one",
                failure(server, spec(at("web.test", new byte[] {(byte) 192, 0, 2, 1}, port))));
    }

    @Test
    void aHostNameThatLeadsNowhereIsNamed() throws Exception {
        Socket socket = Sockets.listening(cleanup, 8);
        FdName name = tcp("web.invalid:80");
        TestServer server = greeter(inherited(name, socket), '2');
        assertEquals(
                "bind web.invalid:80: the host name cannot be resolved",
                failure(server, spec(InetSocketAddress.createUnresolved("web.invalid", 80))));
        assertInstanceOf(BindException.class, server.upgrader.failures.get(0));
        assertEquals(Set.of(name), server.upgrader.fds().inherited());
    }

    // ---- groups

    private static List<ChannelFuture> group(TestServer server, BindSpec spec, int count) throws Exception {
        List<ChannelFuture> bound = UpgradableServers.of(server.upgrader).bindGroup(server.bootstrap, spec, count);
        for (ChannelFuture one : bound) {
            one.sync();
        }
        return bound;
    }

    private List<Client> clients(InetSocketAddress address) throws IOException {
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            clients.add(cleanup.add(Client.connect(address)));
        }
        return clients;
    }

    private static void assertServed(char letter, List<Client> queued) throws IOException {
        for (Client client : queued) {
            assertEquals(letter, client.read());
        }
    }

    private static void close(List<Client> clients) throws IOException {
        for (Client client : clients) {
            client.close();
        }
    }

    /** A second upgrader that has inherited everything that the first one passes on. */
    private static FakeUpgrader next(FakeUpgrader first) throws Exception {
        Map<FdName, Integer> passed = new LinkedHashMap<>();
        for (Map.Entry<FdName, FdSource> source : first.passFds().entrySet()) {
            source.getValue()
                    .lend(fd ->
                            passed.put(source.getKey(), POSIXFactory.getPOSIX().dup(fd)))
                    .toCompletableFuture()
                    .get(10, TimeUnit.SECONDS);
        }
        return new FakeUpgrader(passed);
    }

    private static void takeOver(FakeUpgrader parent, FakeUpgrader child) throws Exception {
        child.resume();
        parent.drain(Duration.ofSeconds(20)).get(20, TimeUnit.SECONDS);
        parent.release();
    }

    @Test
    void aGroupBeginsWithASingleSocketAndAPlainBindTakesAllOfIt() throws Exception {
        TestServer first = greeter(new FakeUpgrader(), '1');
        InetSocketAddress address = Sockets.freeAddress();
        bind(first, spec(address));
        first.upgrader.resume();
        first.upgrader.pause();
        List<Client> queued = clients(address);

        TestServer second = greeter(next(first.upgrader), '2');
        assertEquals(3, group(second, spec(address), 3).size());
        takeOver(first.upgrader, second.upgrader);
        assertServed('2', queued);
        close(queued);
        second.upgrader.pause();
        queued = clients(address);

        TestServer third = greeter(next(second.upgrader), '3');
        FdName localhost = tcp("localhost:" + address.getPort());
        bind(third, spec(at("localhost", ONE, address.getPort())));
        assertEquals(
                Set.of(localhost, tcp(localhost.address() + "+1"), tcp(localhost.address() + "+2")),
                third.upgrader.fds().used());
        assertEquals(third.upgrader.fds().used(), third.listener().serves());
        takeOver(second.upgrader, third.upgrader);
        assertServed('3', queued);
        assertEquals(40, third.listener().connections().size());
        close(queued);
        third.upgrader.pause();
        queued = clients(address);

        TestServer fourth = greeter(next(third.upgrader), '4');
        bind(fourth, spec(at("localhost", ONE, address.getPort())));
        assertEquals(third.upgrader.fds().used(), fourth.upgrader.fds().used());
        takeOver(third.upgrader, fourth.upgrader);
        assertServed('4', queued);
        TestServer fifth = greeter(next(fourth.upgrader), '5');
        assertEquals(3, group(fifth, spec(address), 2).size());
        assertEquals(Set.of(), fifth.upgrader.fds().inherited());
    }

    @Test
    void whoClosesAPlainListenerClosesTheOthersOfItsGroup() throws Exception {
        Socket one = listening(false, TestServer.ANY_PORT, true);
        Socket two = listening(false, one.localAddress(), true);
        int other = Sockets.duplicate(cleanup, two);
        TestServer server = greeter(
                new FakeUpgrader(Map.of(tcp("web#0"), Sockets.duplicate(cleanup, one), tcp("web#1"), other)), '2');
        bind(server, spec(one.localAddress()).name("web"));
        server.upgrader.resume();
        server.listener().channel().close().sync();
        assertEquals(Set.of(), server.upgrader.fds().used());
        assertNotEquals(Sockets.link(two.intValue()), Sockets.link(other));
    }

    @Test
    void aGroupUnderOtherNamesIsAdoptedWhole() throws Exception {
        Socket one = listening(false, TestServer.ANY_PORT, true);
        InetSocketAddress address = one.localAddress();
        int port = address.getPort();
        Socket two = listening(false, address, true);
        TestServer server =
                greeter(inherited(tcp("localhost:" + port + "#0"), one, tcp("localhost:" + port + "#1"), two), '2');
        assertEquals(2, group(server, spec(address), 1).size());
        assertEquals(
                Set.of(tcp("127.0.0.1:" + port + "#0"), tcp("127.0.0.1:" + port + "#1")),
                server.upgrader.fds().used());
    }

    @Tag("root")
    @Test
    void aGroupOfAnotherUserDoesNotGrow() throws Exception {
        Socket socket = Sockets.listening(cleanup, 8);
        assumeTrue(
                POSIXFactory.getPOSIX().geteuid() == 0
                        && POSIXFactory.getPOSIX().fchown(socket.intValue(), 4711, -1) == 0,
                "needs root");
        TestServer server = greeter(inherited(tcp("web"), socket), '2');
        try (Logs logs = new Logs()) {
            assertEquals(
                    1, group(server, spec(socket.localAddress()).name("web"), 3).size());
            assertTrue(
                    logs.has("WARNING web: serves 1 of 3 sockets, those that were inherited: with SO_REUSEPORT the"
                            + " sockets of one user share an address, and these are of user 4711, new ones of user 0."
                            + " Stop and start the service once to have all"),
                    logs::toString);
        }
        server.upgrader.resume();
        assertServes('2', socket.localAddress());
    }

    @Test
    void aGroupMayMove() throws Exception {
        Socket one = listening(false, TestServer.ANY_PORT, true);
        TestServer server = greeter(inherited(tcp("web#0"), one), '2');
        InetSocketAddress moved = at(TWO, one.localAddress().getPort());
        assertEquals(2, group(server, spec(moved).name("web"), 2).size());
        server.upgrader.resume();
        assertServes('2', moved);
        assertServes('2', one.localAddress());
    }

    // ---- datagrams

    @SuppressWarnings("deprecation") // since 4.2, and on 4.1 there is no other name
    private Bootstrap echo(TestServer server, String mark) {
        return new Bootstrap()
                .group(server.boss)
                .option(ChannelOption.RCVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(60_000))
                .handler(new Echo(mark));
    }

    @Sharable
    private static final class Echo extends ChannelInboundHandlerAdapter {
        private final String mark;

        Echo(String mark) {
            this.mark = mark;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            DatagramPacket packet = (DatagramPacket) message;
            String answer = mark + packet.content().readableBytes();
            ctx.write(new DatagramPacket(Unpooled.copiedBuffer(answer, US_ASCII), packet.sender()));
            packet.release();
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            ctx.flush();
        }
    }

    @Test
    void aPlainDatagramSocketAnswersForAllOfItsGroup() throws Exception {
        Socket socket = Sockets.datagram(cleanup);
        InetSocketAddress address = socket.localAddress();
        TestServer first = greeter(inherited(FdName.packet("udp", "localhost:" + address.getPort()), socket), '1');
        for (ChannelFuture one :
                UpgradableServers.of(first.upgrader).bindGroup(echo(first, "1:"), BindSpec.of(address), 3)) {
            one.sync();
        }
        TestServer second = greeter(next(first.upgrader), '2');
        UpgradableServers.of(second.upgrader)
                .bind(echo(second, "2:"), at("localhost", ONE, address.getPort()))
                .sync();
        assertEquals(3, second.upgrader.fds().used().size());
        second.upgrader.resume();
        for (int i = 0; i < 40; i++) {
            try (DatagramSocket client = new DatagramSocket()) {
                client.connect(address);
                client.setSoTimeout(10_000);
                client.send(new java.net.DatagramPacket(new byte[10_000], 10_000));
                java.net.DatagramPacket answer = new java.net.DatagramPacket(new byte[64], 64);
                client.receive(answer);
                assertEquals("2:10000", new String(answer.getData(), 0, answer.getLength(), US_ASCII));
            }
        }
    }

    // ---- Unix sockets

    private Path path() {
        return directory.resolve("s");
    }

    @ParameterizedTest
    @ValueSource(strings = {"link", "relative", "name"})
    void aPathThatLeadsToTheSameFileIsTheSame(String change) throws Exception {
        Path real = Files.createDirectory(directory.resolve("run"));
        Path link = Files.createSymbolicLink(directory.resolve("var-run"), real);
        Path path = real.resolve("s");
        Socket socket = unix(path);
        String other = change.equals("relative")
                ? Path.of("").toAbsolutePath().relativize(path).toString()
                : link.resolve("s").toString();
        BindSpec spec = spec(new DomainSocketAddress(other));
        FdName before = FdName.listener("unix", change.equals("name") ? "web" : path.toString());
        FdName now = FdName.listener("unix", change.equals("name") ? "web" : other);
        TestServer server = greeter(inherited(before, socket), '2');
        bind(server, change.equals("name") ? spec.name("web") : spec);
        server.upgrader.resume();
        try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            ByteBuffer greeting = ByteBuffer.allocate(1);
            client.read(greeting);
            assertEquals('2', (char) greeting.get(0));
        }
        assertEquals(Set.of(now), server.upgrader.fds().used());
    }

    @Test
    void anotherSocketAtAPathIsBoundAnew() throws Exception {
        Socket socket = unix(path());
        TestServer server = greeter(inherited(FdName.listener("unix", "web"), socket), '2');
        Files.delete(path());
        bind(server, spec(new DomainSocketAddress(path().toString())));
        assertEquals(
                Set.of(FdName.listener("unix", "web")), server.upgrader.fds().inherited());
    }
}
