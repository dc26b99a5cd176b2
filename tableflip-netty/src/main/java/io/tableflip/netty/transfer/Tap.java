package io.tableflip.netty.transfer;

import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import io.tableflip.core.log.Log;
import io.tableflip.netty.engine.IncomingConnection;
import io.tableflip.netty.engine.Transferable;
import java.nio.channels.ClosedChannelException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The first handler of a connection that can be transferred. It knows at every moment which bytes were read
 * from the socket and have become part of no message that the application has seen: they travel with the
 * connection. To know that, it passes on what it reads in parts that end where a message may end.
 *
 * <p>In the old process it stops reading at the end of a message, and tells the application. In the new one
 * it reads nothing until everything that came along is in the pipeline.
 *
 * <p>A subclass knows the protocol. It belongs to a handler that the user has added, the last one from which
 * it learns what the bytes have become.
 */
abstract class Tap extends ChannelDuplexHandler implements Transferable {
    private static final System.Logger LOG = Log.get();

    private final TransferRecord.Kind kind;
    private final ChannelHandler owner;
    private final Valve valve = new Valve();
    private @Nullable ChannelHandlerContext ctx;

    private boolean active;
    private @Nullable IncomingConnection incoming;
    private @Nullable TransferRecord arriving;
    private final FirstBytes first = new FirstBytes();
    /** What is passed on is none of this tap's business any more: why. */
    private @Nullable String passing;

    private Runnable settled = () -> {};
    /** To be transferred at the next boundary. */
    private boolean leaving;
    /** At a boundary, for that reason. */
    private boolean stopped;

    private @Nullable Departure departure;
    private boolean settling;
    private boolean transferred;

    Tap(TransferRecord.Kind kind, ChannelHandler owner) {
        this.kind = kind;
        this.owner = owner;
    }

    /** The channel may be active already: nothing that was read has become part of a message. */
    final void beginLate() {
        active = true;
    }

    /** Puts it first into the pipeline of its owner. */
    final void install(ChannelHandlerContext ownersContext) {
        if (Transferable.of(ownersContext.channel()) != null) {
            throw new IllegalStateException("the pipeline has a handler for transfers already: one is enough");
        }
        ownersContext.pipeline().addFirst(this);
    }

    @Override
    public final void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        Channel channel = context.channel();
        channel.attr(KEY).set(this);
        incoming = IncomingConnection.take(channel);
        if (incoming == null) {
            return;
        }
        valve.startClosed();
        try {
            arriving = take(incoming.record());
            new TransferredConnection(arriving.states()).attach(channel);
        } catch (IllegalArgumentException e) {
            LOG.log(
                    WARNING,
                    "connection from the old process closed: " + channel + ": cannot read its record: "
                            + e.getMessage());
            context.close();
        }
        // channelActive comes in the task of the loop that adds the handlers, or never
        channel.eventLoop().execute(() -> {
            if (!active && channel.isActive()) {
                LOG.log(
                        WARNING,
                        "connection from the old process closed: " + channel + ": "
                                + owner.getClass().getName()
                                + " was added after channelActive; add it in the child handler's initChannel");
                context.close();
            }
        });
    }

    private TransferRecord take(byte[] encoded) {
        TransferRecord record = TransferRecord.decode(encoded);
        if (record.kind() != kind) {
            throw new IllegalArgumentException("it is of the kind " + record.kind() + ", not " + kind);
        }
        return record;
    }

    /** Its owner was removed, and with it the knowledge of what the bytes become. */
    final void ownerRemoved() {
        passOn("handler removed");
    }

    @Override
    public final void handlerRemoved(ChannelHandlerContext context) {
        release();
        context.channel().attr(KEY).set(null);
    }

    // what a protocol knows

    /** What was {@linkplain #keep kept}, and these bytes. Takes over the buffer. */
    ByteBuf withKept(ChannelHandlerContext context, ByteBuf read) {
        return read;
    }

    /** How many bytes are to be passed on next; 0 if none can be until more are there. */
    abstract int next(ByteBuf input);

    /** Keeps bytes until more are there. Takes over the buffer. */
    void keep(ByteBuf input) {
        throw new IllegalStateException("a part without bytes");
    }

    /** Passes on what {@link #next} has said. Takes over the buffer. */
    abstract void pass(ChannelHandlerContext context, ByteBuf part);

    /** Why no message ends here in what was read; {@code null} if one does. */
    abstract @Nullable String inputObstacle();

    /** What else keeps the protocol from being at a boundary. */
    abstract @Nullable String protocolObstacle();

    /** Why this protocol will never be at a boundary again. */
    abstract @Nullable String protocolNeverReason();

    /** The bytes of a message whose end was not received. Stays here. */
    abstract @Nullable ByteBuf begun();

    /** Adds to the record what the protocol needs. */
    abstract void describe(TransferRecord record);

    /** Restores it, and calls {@link #finishArrival} at the end. */
    abstract void restore(ChannelHandlerContext context, TransferRecord record);

    /** Passes on what is kept: there will be no end of the message, or it is of no interest any more. */
    abstract void giveUp(ChannelHandlerContext context);

    /** Releases all buffers. */
    abstract void forget();

    // arriving

    @Override
    public final void channelActive(ChannelHandlerContext context) {
        active = true;
        context.fireChannelActive();
        TransferRecord record = arriving;
        if (record == null || !context.channel().isActive()) {
            return;
        }
        valve.keepOpenAtEnd(context);
        byte[] preface = record.part(TransferRecord.Part.PREFACE);
        if (preface.length > 0 && Handlers.isProxyProtocol(context.pipeline())) {
            inject(context, preface);
        }
        restore(context, record);
    }

    /** As if it had been read here. */
    final void inject(ChannelHandlerContext context, byte[] bytes) {
        feed(context, Unpooled.wrappedBuffer(bytes));
        context.fireChannelReadComplete();
    }

    /** Everything but the unread bytes is in the pipeline. */
    final void finishArrival(ChannelHandlerContext context) {
        TransferRecord record = arriving;
        if (record == null || !context.channel().isActive()) {
            return;
        }
        arriving = null;
        byte[] unread = record.part(TransferRecord.Part.UNREAD);
        if (unread.length > 0) {
            valve.holdBefore(context, Unpooled.wrappedBuffer(unread));
        }
        goOn(context);
        requireNonNull(incoming).arrived();
        changed();
    }

    final boolean isArriving() {
        return arriving != null;
    }

    // reading

    @Override
    public final void read(ChannelHandlerContext context) {
        if (transferred) {
            return;
        }
        boolean waits = valve.holds() && !valve.isClosed();
        valve.read(context);
        if (waits) {
            context.channel().eventLoop().execute(() -> goOn(context));
        }
    }

    @Override
    public final void channelRead(ChannelHandlerContext context, Object msg) {
        if (transferred) {
            ReferenceCountUtil.release(msg);
        } else if (!(msg instanceof ByteBuf bytes)) {
            context.fireChannelRead(msg);
        } else if (valve.holds()) {
            valve.hold(context, bytes);
        } else {
            valve.received();
            feed(context, bytes);
        }
    }

    /** Passes on a buffer, which it takes over, until the connection is to stop. */
    private void feed(ChannelHandlerContext context, ByteBuf read) {
        ByteBuf input = withKept(context, read);
        while (input.isReadable()) {
            if (stopIfDue(context)) {
                valve.hold(context, input);
                return;
            }
            int before = beforeProtocol(context, input);
            int length = before > 0 ? before : next(input);
            if (length == 0) {
                keep(input);
                return;
            }
            boolean isAll = length == input.readableBytes();
            // Only a slice, unless nothing is behind it: a decoder keeps its buffer, and reads to its end.
            ByteBuf part = isAll ? input : input.readRetainedSlice(length);
            if (before > 0) {
                context.fireChannelRead(part);
            } else {
                pass(context, part);
            }
            if (isAll) {
                stopIfDue(context);
                return;
            }
        }
        input.release();
        stopIfDue(context);
    }

    /** How many of these bytes are not those of the protocol. */
    private int beforeProtocol(ChannelHandlerContext context, ByteBuf input) {
        if (passing == null && !first.isOver()) {
            if (Handlers.isTls(context.pipeline())) {
                passOn("tls");
            } else {
                int length = first.length(context.pipeline(), input);
                if (length > 0) {
                    return length;
                }
            }
        }
        return passing == null ? 0 : input.readableBytes();
    }

    /** From now on everything is passed on as it comes, and this connection is never transferred. */
    final void passOn(String reason) {
        if (passing == null) {
            passing = reason;
            if (ctx != null) {
                giveUp(ctx);
                changed();
            }
        }
    }

    final boolean isPassing() {
        return passing != null;
    }

    // leaving

    @Override
    public final void prepare(Runnable whenSettled) {
        settled = whenSettled;
        if (leaving || transferred) {
            return;
        }
        leaving = true;
        ChannelHandlerContext context = context();
        stopIfDue(context);
        if (hasPendingWrites()) {
            context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> changed());
        }
        changed();
    }

    final boolean isLeaving() {
        return leaving;
    }

    /** Stops reading if this connection is to leave and a message ends here; tells whether it has stopped. */
    private boolean stopIfDue(ChannelHandlerContext context) {
        if (leaving && !stopped && arriving == null && passing == null && inputObstacle() == null) {
            stopped = true;
            valve.close(context);
            changed();
        }
        return stopped;
    }

    /**
     * Something has happened that may make a difference. Whoever waits for it learns that in a task of its
     * own, when no handler is in the middle of anything. On the event loop.
     */
    final void changed() {
        if (leaving && !settling) {
            settling = true;
            context().channel().eventLoop().execute(() -> {
                settling = false;
                settle(context());
            });
        }
    }

    private void settle(ChannelHandlerContext context) {
        if (!leaving || transferred) {
            return;
        }
        stopIfDue(context);
        if (stopped && departure == null && isOpen() && neverReason() == null && protocolObstacle() == null) {
            departure = new Departure(context, this::changed);
            departure.begin(context);
        }
        settled.run();
    }

    /** Its own, in front of all handlers. */
    final ChannelHandlerContext context() {
        return requireNonNull(ctx);
    }

    private boolean isOpen() {
        return context().channel().isActive();
    }

    @Override
    public final @Nullable String neverReason() {
        ChannelHandlerContext context = context();
        if (Handlers.isTls(context.pipeline())) {
            return "tls";
        }
        if (passing != null) {
            return passing;
        }
        if (!active) {
            return "handler added late"; // what was read before it came is unknown
        }
        if (isHalfClosed(context.channel())) {
            return "half-closed";
        }
        String refusal = departure == null ? null : departure.leaving().refusal();
        if (refusal != null) {
            return refusal;
        }
        return isOnOtherExecutor(context) ? "other executor" : protocolNeverReason();
    }

    private boolean isHalfClosed(Channel channel) {
        return valve.hasSwallowedEnd()
                || (channel instanceof DuplexChannel duplex && (duplex.isInputShutdown() || duplex.isOutputShutdown()));
    }

    /** Whether a handler between this one and its owner passes on what it gets later. */
    private boolean isOnOtherExecutor(ChannelHandlerContext context) {
        for (Map.Entry<String, ChannelHandler> each : context.pipeline()) {
            ChannelHandlerContext one = context.pipeline().context(each.getKey());
            if (one != null && one.executor() != context.channel().eventLoop()) {
                return true;
            }
            if (each.getValue() == owner) {
                return false;
            }
        }
        return false;
    }

    @Override
    public final @Nullable String obstacle() {
        if (transferred || !isOpen()) {
            return "closed";
        }
        if (arriving != null) {
            return "arriving";
        }
        String reason = neverReason();
        if (reason == null) {
            reason = inputObstacle();
        }
        if (reason == null) {
            reason = protocolObstacle();
        }
        if (reason == null) {
            reason = departure == null ? BEING_NOTIFIED : departure.obstacle();
        }
        if (reason == null && hasPendingWrites()) {
            reason = "writes pending";
        }
        return reason == null && isTooLong() ? "too much state" : reason;
    }

    private boolean hasPendingWrites() {
        ChannelOutboundBuffer out = context().channel().unsafe().outboundBuffer();
        return out == null || out.totalPendingWriteBytes() > 0;
    }

    private boolean isTooLong() {
        ByteBuf held = valve.held();
        boolean much = held != null && held.readableBytes() > TransferRecord.LONGEST;
        return much || record().length > TransferRecord.LONGEST;
    }

    @Override
    public final byte[] record() {
        TransferRecord record = new TransferRecord(kind)
                .with(TransferRecord.Part.UNREAD, unread())
                .with(TransferRecord.Part.PREFACE, first.preface());
        if (departure != null) {
            record.withStates(departure.leaving().states());
        }
        describe(record);
        return record.encode();
    }

    private byte[] unread() {
        ByteBuf all = Unpooled.wrappedBuffer(
                Unpooled.wrappedBuffer(first.begun()), duplicate(begun()), duplicate(valve.held()));
        return all.isReadable() ? ByteBufUtil.getBytes(all) : new byte[0];
    }

    private static ByteBuf duplicate(@Nullable ByteBuf bytes) {
        return bytes == null ? Unpooled.EMPTY_BUFFER : bytes.duplicate();
    }

    /**
     * Closes from here, past all handlers: one of them might take leave of the client, who is not to notice
     * anything.
     */
    @Override
    public final void transferred() {
        transferred = true;
        ChannelHandlerContext context = context();
        release();
        context.fireUserEventTriggered(TransferEvent.TRANSFERRED);
        context.close();
    }

    final boolean isTransferred() {
        return transferred;
    }

    @Override
    public final void callOff() {
        if (!leaving || transferred) {
            return;
        }
        ChannelHandlerContext context = context();
        leaving = false;
        settled = () -> {};
        if (departure != null) {
            departure = null;
            context.fireUserEventTriggered(TransferEvent.CALLED_OFF);
        }
        if (stopped) {
            stopped = false;
            goOn(context);
        }
    }

    /** Passes on what was held, as if it had been read now, and reads on. */
    private void goOn(ChannelHandlerContext context) {
        if (stopped || arriving != null || transferred || !context.channel().isActive()) {
            return;
        }
        if (valve.isClosed()) {
            valve.open(context);
        }
        if (valve.held() != null && valve.isWanted(context)) {
            feed(context, requireNonNull(valve.take()));
            context.fireChannelReadComplete();
        }
        if (stopped || valve.holds()) {
            return;
        }
        if (valve.takeEnd()) {
            end(context);
        } else if (valve.isWanted(context)) {
            valve.read(context);
        }
    }

    /** What Netty would have done when the client closed its side. */
    private void end(ChannelHandlerContext context) {
        giveUp(context);
        if (valve.closesAtEnd()) {
            context.close();
        } else {
            context.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        }
    }

    @Override
    public final void userEventTriggered(ChannelHandlerContext context, Object evt) {
        if (evt instanceof ChannelInputShutdownEvent || evt instanceof ChannelInputShutdownReadComplete) {
            if (valve.swallowsEnd()) {
                changed();
                return;
            }
            giveUp(context);
        }
        context.fireUserEventTriggered(evt);
    }

    // writing

    @Override
    public void write(ChannelHandlerContext context, Object msg, ChannelPromise promise) {
        if (transferred) {
            drop(msg, promise);
        } else if (leaving) {
            context.write(msg, promise.unvoid().addListener(written -> changed()));
        } else {
            context.write(msg, promise);
        }
    }

    static void drop(Object msg, ChannelPromise promise) {
        ReferenceCountUtil.release(msg);
        promise.tryFailure(new ClosedChannelException());
    }

    @Override
    public final void channelInactive(ChannelHandlerContext context) {
        if (!transferred) {
            giveUp(context);
        }
        release();
        changed();
        if (active || incoming == null) { // one that was closed here before it began is nobody's business
            context.fireChannelInactive();
        }
    }

    private void release() {
        valve.release();
        forget();
    }
}
