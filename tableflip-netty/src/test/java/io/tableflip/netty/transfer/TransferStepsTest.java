package io.tableflip.netty.transfer;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.EventExecutor;
import io.tableflip.netty.engine.IncomingConnection;
import io.tableflip.netty.engine.Transferable;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The steps of a transfer that are the same for every protocol, with one of lines. */
class TransferStepsTest {
    private final List<String> seen = new ArrayList<>();
    private Consumer<Leaving> whenLeaving = leaving -> {};
    private final Ends ends = new Ends(this::handlers);

    private ChannelHandler[] handlers() {
        return new ChannelHandler[] {
            new LineBasedFrameDecoder(100_000), new TransferHandler(MessageFraming.lines()), new Application()
        };
    }

    private final class Application extends ChannelInboundHandlerAdapter {
        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            seen.add(TransferredConnection.of(ctx.channel())
                    .map(transferred -> "again " + transferred.state("name").map(value -> new String(value, US_ASCII)))
                    .orElse("active"));
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object msg) {
            seen.add(((ByteBuf) msg).toString(US_ASCII));
            ((ByteBuf) msg).release();
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object evt) {
            if (evt instanceof Leaving leaving) {
                seen.add("leaving");
                whenLeaving.accept(leaving);
            } else {
                seen.add(evt.toString());
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            seen.add("inactive");
        }
    }

    @AfterEach
    void nothingIsLeft() {
        ends.close();
    }

    private EmbeddedChannel accept() throws Exception {
        EmbeddedChannel channel = ends.accept();
        seen.clear();
        return channel;
    }

    private void send(EmbeddedChannel to, String text) {
        ends.send(to, text.getBytes(US_ASCII));
    }

    @Test
    void anApplicationGivesItsStateAlong() throws Exception {
        EmbeddedChannel old = accept();
        whenLeaving = leaving -> leaving.state("name", "value".getBytes(US_ASCII));
        send(old, "one\nha");
        assertNull(Ends.prepare(old));
        EmbeddedChannel next = ends.move(old);
        send(next, "lf\n");
        assertEquals(List.of("one", "leaving", "TRANSFERRED", "inactive", "again Optional[value]", "half"), seen);
        assertEquals(0, Ends.written(old).length);
    }

    @Test
    void aConnectionThatIsNotPreparedStays() throws Exception {
        EmbeddedChannel channel = accept();
        assertEquals("being notified", Ends.tap(channel).obstacle());
        Ends.tap(channel).callOff();
        assertEquals(List.of(), seen);
    }

    @Test
    void onePostponementIsEnoughToWait() throws Exception {
        EmbeddedChannel channel = accept();
        List<Leaving.Postponement> all = new ArrayList<>();
        whenLeaving = leaving -> {
            all.add(leaving.postpone());
            all.add(leaving.postpone());
        };
        List<String> settled = new ArrayList<>();
        Transferable tap = Ends.tap(channel);
        tap.prepare(() -> settled.add(String.valueOf(tap.obstacle())));
        channel.runPendingTasks();
        all.get(0).end();
        all.get(0).end();
        channel.runPendingTasks();
        assertEquals("postponed", tap.obstacle());
        all.get(1).end();
        assertEquals("postponed", tap.obstacle(), "before what was written before it");
        channel.runPendingTasks();
        assertNull(tap.obstacle());
        assertEquals("null", settled.get(settled.size() - 1));
    }

    @Test
    void aRefusalIsForEver() throws Exception {
        EmbeddedChannel channel = accept();
        whenLeaving = leaving -> leaving.refuse("in a game");
        assertEquals("in a game", Ends.prepare(channel));
        assertEquals("in a game", Ends.tap(channel).neverReason());
    }

    @Test
    void aTransferIsCalledOff() throws Exception {
        EmbeddedChannel channel = accept();
        Ends.prepare(channel);
        send(channel, "one\ntwo\nth");
        assertEquals(List.of("leaving"), seen);
        Ends.tap(channel).callOff();
        send(channel, "ree\n");
        assertEquals(List.of("leaving", "CALLED_OFF", "one", "two", "three"), seen);
        assertNull(Ends.prepare(channel));
        assertEquals("leaving", seen.get(5));
    }

    @Test
    void whatIsReadWhileStoppedTravels() throws Exception {
        EmbeddedChannel old = accept();
        Ends.prepare(old);
        send(old, "one\ntw");
        seen.clear();
        send(ends.move(old), "o\n");
        assertEquals(List.of("TRANSFERRED", "inactive", "again Optional.empty", "one", "two"), seen);
    }

    @Test
    void tooMuchDoesNotTravel() throws Exception {
        EmbeddedChannel channel = accept();
        whenLeaving = leaving -> leaving.state("name", new byte[60 * 1024]);
        assertEquals("too much state", Ends.prepare(channel));
    }

    @Test
    void aLongMessageIsReceivedFirst() throws Exception {
        Ends long64 = new Ends(() ->
                new ChannelHandler[] {new TransferHandler(MessageFraming.lengthField(0, 4, 0)), new Application()});
        EmbeddedChannel channel = long64.accept();
        seen.clear();
        long64.send(channel, new byte[] {0, 1, 0x11, 0x70, 1});
        assertEquals("message being received", Ends.prepare(channel));
        assertEquals(1, seen.size());
        long64.send(channel, new byte[70_000]);
        assertNull(Ends.tap(channel).obstacle());
        assertEquals(
                List.of(5, 69_999), List.of(seen.get(0).length(), seen.get(1).length()));
        long64.move(channel);
        long64.close();
    }

    @Test
    void aMessageWithoutEndIsPassedOn() throws Exception {
        EmbeddedChannel channel = accept();
        send(channel, "x".repeat(61_441));
        send(channel, "y\n");
        assertEquals(61_442, seen.get(0).length());
        assertEquals("message without end", Ends.prepare(channel));
    }

    @Test
    void theEndOfAMessageThatNeverComesIsNotHeldBack() throws Exception {
        Ends raw =
                new Ends(() -> new ChannelHandler[] {new TransferHandler(MessageFraming.lines()), new Application()});
        EmbeddedChannel channel = raw.accept();
        raw.send(channel, new byte[] {'a'});
        channel.close();
        assertEquals(List.of("active", "a", "inactive"), seen);
        raw.close();
    }

    @Test
    void writesThatArePendingStay() throws Exception {
        EmbeddedChannel channel = accept();
        assertNull(Ends.prepare(channel));
        channel.write(Unpooled.wrappedBuffer(new byte[1]));
        channel.runPendingTasks();
        assertEquals("writes pending", Ends.tap(channel).obstacle());
        channel.flush();
        channel.runPendingTasks();
        assertNull(Ends.tap(channel).obstacle());
    }

    @Test
    void whatIsWrittenAfterwardsFails() throws Exception {
        EmbeddedChannel old = accept();
        List<ChannelFuture> written = new ArrayList<>();
        ByteBuf late = Unpooled.buffer().writeByte(1);
        old.pipeline().addLast(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelInactive(ChannelHandlerContext ctx) {
                written.add(ctx.writeAndFlush(late));
            }
        });
        old.pipeline().remove(Application.class);
        assertNull(Ends.prepare(old));
        ends.move(old);
        assertInstanceOf(ClosedChannelException.class, written.get(0).cause());
        assertEquals(0, late.refCnt());
    }

    @Test
    void whoReadsByHandGetsNothingUnasked() throws Exception {
        EmbeddedChannel old = accept();
        old.config().setAutoRead(false);
        assertNull(Ends.prepare(old));
        send(old, "one\n");
        Ends byHand = new Ends(() -> {
            ChannelHandler[] all = handlers();
            return new ChannelHandler[] {
                new ChannelInboundHandlerAdapter() {
                    @Override
                    public void handlerAdded(ChannelHandlerContext ctx) {
                        ctx.channel().config().setAutoRead(false);
                    }
                },
                all[0],
                all[1],
                all[2]
            };
        });
        byte[] record = Ends.tap(old).record();
        Ends.tap(old).transferred();
        seen.clear();
        EmbeddedChannel next = byHand.arrive(record);
        assertEquals(List.of("again Optional.empty"), seen);
        assertNull(Ends.prepare(next));
        Ends.tap(next).callOff();
        assertFalse(seen.contains("one"), seen::toString);
        next.read();
        next.runPendingTasks();
        assertTrue(seen.contains("one"), seen::toString);
        byHand.close();
    }

    @Test
    void anEndThatComesWhileStoppedIsHeardAfterWhatCameBefore() throws Exception {
        EmbeddedChannel channel = accept();
        Ends.prepare(channel);
        send(channel, "one\n");
        channel.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        channel.runPendingTasks();
        assertEquals("half-closed", Ends.tap(channel).obstacle());
        Ends.tap(channel).callOff();
        assertEquals(
                List.of("leaving", "CALLED_OFF", "one", "ChannelInputShutdownEvent"),
                seen.stream().map(event -> event.replaceAll(".*\\.|@.*", "")).toList());
    }

    @Test
    void tlsStays() throws Exception {
        Ends tls = new Ends(
                () -> new ChannelHandler[] {new SslHandler(engine()), new TransferHandler(MessageFraming.lines())});
        EmbeddedChannel channel = tls.accept();
        assertEquals("tls", Ends.tap(channel).neverReason());
        assertEquals("tls", Ends.prepare(channel));
        channel.closeFuture();
        tls.close();
    }

    private static javax.net.ssl.SSLEngine engine() {
        try {
            javax.net.ssl.SSLEngine engine = SSLContext.getDefault().createSSLEngine();
            engine.setUseClientMode(false);
            return engine;
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aHandlerThatComesTooLateKnowsTooLittle() throws Exception {
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.pipeline().addLast(new TransferHandler(MessageFraming.lines()));
        assertEquals("handler added late", Ends.tap(channel).neverReason());
        channel.finishAndReleaseAll();
    }

    @Test
    void aHandlerThatIsRemovedTakesItsKnowledgeAlong() throws Exception {
        EmbeddedChannel channel = accept();
        send(channel, "a");
        channel.pipeline().remove(TransferHandler.class);
        send(channel, "b\n");
        assertEquals(List.of("ab"), seen);
        assertEquals("handler removed", Ends.prepare(channel));
    }

    @Test
    void decodersOnAnotherExecutorStay() throws Exception {
        EventExecutor other = new DefaultEventExecutor();
        try {
            Ends apart = new Ends(() -> new ChannelHandler[] {new TransferHandler(MessageFraming.lines())});
            EmbeddedChannel channel = apart.accept();
            addFirst(channel, other);
            channel.runPendingTasks();
            assertEquals("other executor", Ends.tap(channel).neverReason());
            apart.close();
        } finally {
            other.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
        }
    }

    @SuppressWarnings("deprecation") // since 4.2, and 4.1 has no other
    private static void addFirst(EmbeddedChannel channel, EventExecutor executor) {
        channel.pipeline().addFirst(executor, "decoder", new ChannelInboundHandlerAdapter());
    }

    @SuppressWarnings("deprecation") // since 4.2, and 4.1 has no other
    private static void addLast(EmbeddedChannel channel, EventExecutor executor) {
        channel.pipeline().addLast(executor, "application", new ChannelInboundHandlerAdapter());
    }

    @Test
    void whatAnotherExecutorHasQueuedIsWaitedFor() throws Exception {
        EventExecutor other = new DefaultEventExecutor();
        CountDownLatch busy = new CountDownLatch(1);
        try {
            EmbeddedChannel channel = accept();
            addLast(channel, other);
            other.execute(() -> {
                try {
                    busy.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            assertEquals("being notified", Ends.prepare(channel));
            busy.countDown();
            other.submit(() -> {}).sync();
            channel.runPendingTasks();
            assertNull(Ends.tap(channel).obstacle());
            channel.pipeline().remove("application");
            other.submit(() -> {}).sync();
        } finally {
            busy.countDown();
            other.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
        }
    }

    @Test
    void aRecordThatCannotBeReadClosesTheConnection() throws Exception {
        byte[] good = new TransferRecord(TransferRecord.Kind.MESSAGES).encode();
        for (byte[] bad : List.of(
                new byte[0],
                new byte[] {2, 0},
                new byte[] {1, 9},
                new byte[] {1, 1},
                new byte[] {1, 0, 1, 0x7f, 0, 0, 0, 1},
                new byte[] {1, 0, 1, -1, 0, 0, 0, 1},
                new byte[] {1, 0, 9, 0, 0, 0, 1, 1},
                new byte[] {1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 9, 1})) {
            IncomingConnection incoming = new IncomingConnection(bad);
            assertFalse(ends.arrive(incoming.record()).isOpen());
        }
        assertEquals(List.of(), seen);
        assertTrue(ends.arrive(good).isOpen());
    }

    @Test
    void aRecordIsReadAsItWasWritten() {
        TransferRecord record = new TransferRecord(TransferRecord.Kind.HTTP)
                .with(TransferRecord.Part.UNREAD, new byte[] {1, 2})
                .with(TransferRecord.Part.WINDOW, new byte[] {3})
                .withStates(java.util.Map.of("é", new byte[0], "b", new byte[] {4}));
        TransferRecord read = TransferRecord.decode(record.encode());
        assertEquals(TransferRecord.Kind.HTTP, read.kind());
        assertArrayEquals(new byte[] {1, 2}, read.part(TransferRecord.Part.UNREAD));
        assertArrayEquals(new byte[] {3}, read.part(TransferRecord.Part.WINDOW));
        assertEquals(0, read.part(TransferRecord.Part.UPGRADE).length);
        assertArrayEquals(new byte[] {4}, read.states().get("b"));
        assertArrayEquals(new byte[0], read.states().get("é"));
    }
}
