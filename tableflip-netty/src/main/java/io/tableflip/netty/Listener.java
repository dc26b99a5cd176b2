package io.tableflip.netty;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.AttributeKey;
import io.tableflip.core.DrainReport;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A listening channel and the connections it has accepted, as the upgrader sees them. Thread-safe.
 *
 * <p>It outlives its channel: when the user closes that while the program serves, the connections go on, and an upgrade must drain
 * them all the same. Only when the last of them has gone too does the upgrader forget it.
 */
final class Listener extends Bound {
    private static final System.Logger LOG = System.getLogger("io.tableflip");
    private static final CompletableFuture<Void> NOTHING = CompletableFuture.completedFuture(null);
    private static final AttributeKey<Child> CHILD = AttributeKey.valueOf(Listener.class, "child");

    private final Drain policy;
    /** Listens at the address that the name stood for in the parent, until that has gone. */
    private final @Nullable Former former;

    private final Set<Child> children = ConcurrentHashMap.newKeySet();
    private volatile @Nullable DrainRun run;
    /** While it is to be paused and accepts all the same, beside the new process: whether the pause is still wanted when that is over. */
    private volatile CompletableFuture<Boolean> overlap = CompletableFuture.completedFuture(true);

    /** @param former a channel that listens where the name led to before this generation */
    Listener(Binding binding, Channel channel, NameLease lease, Drain policy, @Nullable Channel former) {
        super(binding.made().upgrader(), binding.made().name(), binding, channel, lease);
        this.policy = policy;
        this.former = former == null ? null : new Former(former);
    }

    /** It is handed over to the next generation, so no drain asks it to leave or waits for it. */
    static void handOver(Channel connection) {
        Child child = connection.attr(CHILD).get();
        if (child != null) {
            child.gone().complete(null);
        }
    }

    @Override
    void received(ChannelHandlerContext ctx, Object message) {
        if (message instanceof Channel accepted) {
            accept(ctx, accepted);
        } else {
            ctx.fireChannelRead(message);
        }
    }

    /** Takes in an accepted connection, before Netty's acceptor gets it. On the loop. */
    private void accept(ChannelHandlerContext ctx, Channel accepted) {
        Child child = new Child(accepted, policy);
        accepted.attr(CHILD).set(child);
        children.add(child);
        child.gone().thenRun(() -> {
            children.remove(child);
            unregisterIfOver();
            DrainRun current = run;
            if (current != null) {
                current.gone(child);
            }
        });
        ctx.fireChannelRead(accepted);
        child.checkOpen();
    }

    Set<Child> children() {
        return children;
    }

    @Override
    void nowBound() {
        if (former != null) {
            former.begin();
        }
    }

    @Override
    void gone() {
        if (former != null) {
            former.end();
        }
        unregisterIfOver();
    }

    @Override
    void alsoMove(boolean open) {
        if (former != null) {
            move(former.gate, open);
        }
    }

    private void unregisterIfOver() {
        if (!isReleased() && !channel().isOpen() && children.isEmpty()) {
            upgrader().unregister(this);
        }
    }

    @Override
    public int remaining() {
        return children.size();
    }

    @Override
    public void prepare() {
        DrainRehearsal.once();
    }

    /** An overlap that is wanted holds up nobody: what must not work beside the new process, a connection that both have, waits for all to have paused. */
    @Override
    public CompletionStage<?> pause() {
        CompletableFuture<Boolean> time = new CompletableFuture<>();
        overlap = time;
        if (policy.overlap().isZero()) {
            time.complete(true);
            return closeGate(() -> overlap == time);
        }
        time.completeOnTimeout(true, policy.overlap().toNanos(), TimeUnit.NANOSECONDS)
                .thenAccept(wanted -> {
                    if (wanted) {
                        closeGate(() -> overlap == time);
                    }
                });
        return NOTHING;
    }

    /** Not if a rollback has come first: it has opened the gate for good. */
    private CompletableFuture<Void> closeGate(BooleanSupplier stillWanted) {
        synchronized (this) {
            return stillWanted.getAsBoolean() ? moveGate(false) : NOTHING;
        }
    }

    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        DrainRun next = new DrainRun(timeout);
        replaceRun(next);
        overlap.thenAccept(wanted -> {
            if (wanted) {
                begin(next);
            }
        });
        return next.report();
    }

    private void begin(DrainRun next) {
        next.begin(openChildren());
        // Who accepts may be blocked: that must hold up neither the others nor the timeout.
        closeGate(() -> run == next).whenComplete((done, failure) -> next.complete(openChildren()));
    }

    @Override
    public CompletionStage<?> resume() {
        overlap.complete(false);
        DrainRun before;
        CompletableFuture<Void> opened;
        synchronized (this) { // what the end of the overlap has begun on another thread comes before, or not at all
            overlap = CompletableFuture.completedFuture(true);
            before = run;
            run = null;
            opened = moveGate(true);
        }
        if (before != null) {
            before.cancel();
        }
        return opened;
    }

    private void replaceRun(DrainRun next) {
        DrainRun before;
        synchronized (this) {
            before = run;
            run = next;
        }
        if (before != null) {
            before.cancel();
        }
    }

    private List<Child> openChildren() {
        children.forEach(Child::checkOpen);
        return List.copyOf(children);
    }

    @Override
    public CompletionStage<?> release() {
        overlap.complete(true); // the new process is the service, or there is none: who is here leaves
        released();
        if (channel().isOpen()) {
            channel().close();
        }
        return closed();
    }

    /**
     * A second channel whose connections go the same way as those of the first: clients that know the old address only, and those that the
     * kernel has queued there, are served until the parent has gone.
     */
    private final class Former {
        private final Channel old;
        private final Gate gate = new Gate(Listener.this, this::received);

        Former(Channel old) {
            this.old = old;
            old.pipeline().addFirst("tableflip-gate", gate);
        }

        /** On the loop of the first one, which this one shares. */
        void begin() {
            channel().eventLoop().register(old).addListener(registered -> {
                if (registered.isSuccess()) {
                    move(gate, isRunning());
                } else {
                    LOG.log(WARNING, Listener.this + ": the old address is not served", registered.cause());
                }
            });
            upgrader().parentExited().thenRun(() -> {
                LOG.log(INFO, "{0}: the parent has gone, the old address is closed", Listener.this);
                end();
            });
        }

        void end() {
            if (old.isRegistered()) {
                old.close();
            } else {
                old.unsafe().closeForcibly();
            }
        }

        private void received(ChannelHandlerContext ctx, Object message) {
            gate().pass(message);
        }
    }
}
