package io.tableflip.netty.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollSocketChannel;
import io.tableflip.core.DrainReport;
import io.tableflip.core.transfer.ConnectionSender;
import io.tableflip.netty.Groups;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ListenerTransferTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private EventLoopGroup group;
    private ServerSocket server;
    private final FakeSender sender = new FakeSender();
    private final List<Channel> stayed = Collections.synchronizedList(new ArrayList<>());

    @BeforeEach
    void open() throws IOException {
        group = Groups.epoll(2);
        server = new ServerSocket(0, 500, InetAddress.getLoopbackAddress());
    }

    @AfterEach
    void close() throws IOException {
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        server.close();
    }

    /** What the other process would do. */
    private static final class FakeSender implements ConnectionSender {
        private final List<Runnable> listeners = new ArrayList<>();
        private final Deque<Result> answers = new ArrayDeque<>();
        private final List<List<String>> sent = new ArrayList<>();
        private int credit;
        private int taken;
        private int mostTaken;
        private boolean refused;

        void grant(int more) {
            List<Runnable> told;
            synchronized (this) {
                credit += more;
                told = List.copyOf(listeners);
            }
            told.forEach(Runnable::run);
        }

        void refuse() {
            synchronized (this) {
                refused = true;
            }
            grant(0);
        }

        synchronized void answer(Result... next) {
            answers.addAll(List.of(next));
        }

        @Override
        public synchronized boolean take() {
            if (credit == 0) {
                return false;
            }
            credit--;
            taken++;
            mostTaken = Math.max(mostTaken, taken);
            return true;
        }

        @Override
        public synchronized void giveBack() {
            credit++;
            taken--;
        }

        @Override
        public synchronized Result send(List<Connection> connections) {
            Result answer = answers.isEmpty() ? Result.SENT : answers.remove();
            if (answer == Result.SENT) {
                taken -= connections.size();
                sent.add(connections.stream()
                        .map(connection -> new String(connection.record(), StandardCharsets.US_ASCII))
                        .toList());
            }
            return answer;
        }

        @Override
        public synchronized boolean isRefused() {
            return refused;
        }

        @Override
        public synchronized void onCredit(Runnable step) {
            listeners.add(step);
        }

        synchronized long count() {
            return sent.stream().mapToLong(List::size).sum();
        }

        synchronized int credit() {
            return credit;
        }
    }

    /** A connection that does what the test says. */
    private static final class Client implements Transferable {
        private final Channel channel;
        private volatile @Nullable String never;
        private volatile @Nullable String obstacle;
        private volatile Runnable settled = () -> {};
        private volatile String state = "served";

        Client(Channel channel) {
            this.channel = channel;
            channel.attr(KEY).set(this);
        }

        @Override
        public @Nullable String neverReason() {
            return never;
        }

        @Override
        public void prepare(Runnable step) {
            settled = step;
            state = "prepared";
        }

        @Override
        public @Nullable String obstacle() {
            return obstacle;
        }

        @Override
        public byte[] record() {
            return channel.id().asShortText().getBytes(StandardCharsets.US_ASCII);
        }

        @Override
        public void transferred() {
            state = "transferred";
            channel.close();
        }

        @Override
        public void callOff() {
            state = "called off";
        }

        void settle() {
            channel.eventLoop().execute(() -> {
                obstacle = null;
                settled.run();
            });
        }
    }

    private List<Client> connections(int count) {
        return connections(2, count);
    }

    private List<Client> connections(int loops, int count) {
        List<Client> connections = new ArrayList<>();
        Bootstrap bootstrap = new Bootstrap()
                .group(loops == 1 ? group.next() : group)
                .channel(EpollSocketChannel.class)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {}
                });
        for (int i = 0; i < count; i++) {
            connections.add(new Client(bootstrap
                    .connect(server.getLocalSocketAddress())
                    .syncUninterruptibly()
                    .channel()));
        }
        return connections;
    }

    private CompletableFuture<DrainReport> begin(List<Client> connections, Duration patience) {
        return new ListenerTransfer(sender, patience, stayed::add)
                .begin(connections.stream()
                        .map(connection -> connection.channel)
                        .toList());
    }

    private static DrainReport report(CompletableFuture<DrainReport> report) throws Exception {
        return report.get(30, TimeUnit.SECONDS);
    }

    private void assertNoCreditIsLost(int granted) {
        assertEquals(granted, sender.credit() + sender.count());
    }

    @Test
    void allGoAsFarAsThereIsCredit() throws Exception {
        List<Client> connections = connections(100);
        CompletableFuture<DrainReport> report = begin(connections, LONG);
        sender.grant(30);
        Await.until("30 have gone", () -> sender.count() == 30);
        assertEquals(
                70,
                connections.stream()
                        .filter(connection -> connection.state.equals("served"))
                        .count(),
                "nobody is told without credit");
        sender.grant(100);
        assertEquals(100, report(report).transferred());
        assertEquals(100, sender.sent.stream().flatMap(List::stream).distinct().count());
        assertTrue(sender.mostTaken <= 100);
        assertNoCreditIsLost(130);
        assertTrue(stayed.isEmpty());
    }

    @Test
    void oneWithAnObstacleHoldsUpNobody() throws Exception {
        List<Client> connections = connections(10);
        connections.subList(0, 3).forEach(connection -> connection.obstacle = "response owed");
        CompletableFuture<DrainReport> report = begin(connections, LONG);
        sender.grant(2);
        Await.until("two have gone", () -> sender.count() == 2);
        sender.grant(5);
        Await.until("all others have gone", () -> sender.count() == 7);
        sender.grant(1);
        connections.get(0).settle();
        Await.until("the first is sent", () -> sender.count() == 8);
        connections.get(1).settle();
        connections.get(2).settle();
        sender.grant(2);
        assertEquals(10, report(report).transferred());
        assertNoCreditIsLost(10);
    }

    /** Credit that another one holds comes back only when that one is sent. */
    @Test
    void oneThatWaitsForCreditDoesNotHoldUpOneThatHasIt() throws Exception {
        List<Client> connections = connections(1, 2);
        Client owing = connections.get(0);
        Client notified = connections.get(1);
        owing.obstacle = "response owed";
        notified.obstacle = Transferable.BEING_NOTIFIED;
        CompletableFuture<DrainReport> report = begin(connections, LONG);
        sender.grant(1);
        Await.until("both are told", () -> notified.state.equals("prepared"));
        owing.settle();
        notified.settle();
        Await.until("the one that has credit is sent", () -> notified.state.equals("transferred"));
        sender.grant(1);
        assertEquals(2, report(report).transferred());
        assertNoCreditIsLost(2);
    }

    @Test
    void whoComesToNoBoundaryInTimeStays() throws Exception {
        List<Client> connections = connections(4);
        connections.get(0).obstacle = "response owed";
        connections.get(1).obstacle = "response owed";
        connections.get(2).never = "tls";
        sender.grant(64);
        DrainReport report = report(begin(connections, Duration.ofMillis(50)));
        assertEquals(1, report.transferred());
        assertEquals(Map.of("response owed", 2L, "tls", 1L), report.notTransferred());
        assertEquals("called off", connections.get(0).state);
        assertEquals("served", connections.get(2).state, "it was never told");
        assertEquals(3, stayed.size());
        assertNoCreditIsLost(64);
    }

    @Test
    void withoutCreditAllStay() throws Exception {
        DrainReport report = report(begin(connections(5), Duration.ofMillis(50)));
        assertEquals(Map.of("no room in the new process", 5L), report.notTransferred());
        assertEquals(5, stayed.size());
    }

    @Test
    void aFullChannelIsTriedAgain() throws Exception {
        sender.answer(ConnectionSender.Result.FULL, ConnectionSender.Result.FULL);
        sender.grant(64);
        List<Client> connections = connections(5);
        assertEquals(5, report(begin(connections, LONG)).transferred());
        assertNoCreditIsLost(64);
    }

    @Test
    void whatTheOtherProcessRefusesStays() throws Exception {
        List<Client> connections = connections(3);
        connections.get(0).obstacle = "response owed";
        CompletableFuture<DrainReport> report = begin(connections, LONG);
        sender.grant(1);
        Await.until("one is sent", () -> sender.count() == 1);
        sender.refuse();
        assertEquals(Map.of("refused", 2L), report(report).notTransferred());
        assertEquals(2, stayed.size());
    }

    @Test
    void aRefusedMessageLeavesItsConnectionsHere() throws Exception {
        sender.answer(ConnectionSender.Result.REFUSED, ConnectionSender.Result.REFUSED);
        sender.grant(64);
        List<Client> connections = connections(3);
        DrainReport report = report(begin(connections, LONG));
        assertEquals(Map.of("refused", 3L), report.notTransferred());
        connections.forEach(connection -> assertEquals("called off", connection.state));
    }

    @Test
    void aClientThatLeavesMeanwhileIsFinished() throws Exception {
        List<Client> connections = connections(2);
        connections.get(0).obstacle = "response owed";
        sender.grant(64);
        CompletableFuture<DrainReport> report = begin(connections, LONG);
        Await.until("the other one is sent", () -> sender.count() == 1);
        connections.get(0).channel.close();
        assertEquals(1, report(report).finished());
        assertTrue(stayed.isEmpty());
        assertNoCreditIsLost(64);
    }

    @Test
    void aLoopThatEndsEndsTheTransfer() throws Exception {
        CompletableFuture<DrainReport> report = begin(connections(4), LONG);
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        assertEquals(0, report(report).transferred());
    }
}
