package io.tableflip.netty.transfer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tableflip.netty.engine.IncomingConnection;
import io.tableflip.netty.engine.Transferable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The ends of one connection in two processes, without sockets, and the step between them. Knows every buffer
 * that it has given to a channel: all must be released at the end.
 */
final class Ends implements AutoCloseable {
    private final Supplier<ChannelHandler[]> handlers;
    private final List<ByteBuf> given = new ArrayList<>();
    private final List<EmbeddedChannel> channels = new ArrayList<>();

    /** @param handlers of each channel, new ones every time */
    Ends(Supplier<ChannelHandler[]> handlers) {
        this.handlers = handlers;
    }

    EmbeddedChannel accept() throws Exception {
        return open(null);
    }

    private EmbeddedChannel open(@Nullable IncomingConnection incoming) throws Exception {
        EmbeddedChannel channel = new EmbeddedChannel(false, false);
        channels.add(channel);
        if (incoming != null) {
            incoming.attach(channel);
        }
        channel.pipeline().addLast(new ChannelInitializer<>() {
            @Override
            protected void initChannel(io.netty.channel.Channel ch) {
                ch.pipeline().addLast(handlers.get());
            }
        });
        channel.register();
        channel.runPendingTasks();
        return channel;
    }

    /** As if the client had sent it. */
    void send(EmbeddedChannel to, byte[] bytes) {
        if (to.isOpen()) {
            ByteBuf buffer =
                    ByteBufAllocator.DEFAULT.buffer(Math.max(1, bytes.length)).writeBytes(bytes);
            given.add(buffer);
            to.writeInbound(buffer);
            to.runPendingTasks();
        }
    }

    void send(EmbeddedChannel to, byte[] bytes, int from, int end, int chunk) {
        for (int at = from; at < end; at += chunk) {
            send(to, Arrays.copyOfRange(bytes, at, Math.min(end, at + chunk)));
        }
    }

    static Transferable tap(EmbeddedChannel channel) {
        Transferable tap = Transferable.of(channel);
        assertNotNull(tap);
        return tap;
    }

    static @Nullable String prepare(EmbeddedChannel channel) {
        tap(channel).prepare(() -> {});
        channel.runPendingTasks();
        return tap(channel).obstacle();
    }

    /** The new end of a connection that has no obstacle. */
    EmbeddedChannel move(EmbeddedChannel from) throws Exception {
        assertNull(tap(from).obstacle());
        byte[] record = tap(from).record();
        tap(from).transferred();
        from.runPendingTasks();
        return arrive(record);
    }

    EmbeddedChannel arrive(byte[] record) throws Exception {
        return open(new IncomingConnection(record));
    }

    @Override
    public void close() {
        channels.forEach(channel -> {
            channel.checkException();
            channel.finishAndReleaseAll();
        });
        given.forEach(buffer -> assertEquals(0, buffer.refCnt(), "a buffer was not released"));
    }

    /** All that was written, of which nothing is left. */
    static byte[] written(EmbeddedChannel channel) {
        java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
        for (ByteBuf bytes; (bytes = channel.readOutbound()) != null; ) {
            all.writeBytes(io.netty.buffer.ByteBufUtil.getBytes(bytes));
            bytes.release();
        }
        return all.toByteArray();
    }
}
