package io.tableflip.core.lifecycle;

import io.tableflip.core.FdName;
import io.tableflip.core.link.Message;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.observe.Observer;
import io.tableflip.core.observe.Observers;
import io.tableflip.core.os.Os;
import io.tableflip.core.text.Printable;
import io.tableflip.core.transfer.IncomingTransfer;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The parent as this process sees it, if there is one: whether it is still there, and the link to it. For the
 * thread of the loop, except for methods that say otherwise.
 */
final class Parent {

    /** How often to check whether a process has exited whose link has ended. */
    static final Duration EXIT_CHECK = Duration.ofMillis(10);

    /** How long a process can take to exit after its link has ended. */
    static final Duration EXIT_LIMIT = Duration.ofSeconds(5);

    /** Whether the parent is there. */
    private enum Presence {
        /** There is none. */
        NONE,
        /** It is there. */
        THERE,
        /** The link has ended: it has exited, or it has given this child up. */
        LOST,
        /** It has exited. */
        GONE
    }

    private final @Nullable ParentLink link;
    private final @Nullable IncomingTransfer incoming;
    private final Loop loop;
    private final Observers observers;
    private final CompletableFuture<Void> exited = new CompletableFuture<>();
    private final CompletableFuture<Void> paused = new CompletableFuture<>();
    private Presence presence;
    /** Everything that the parent has sent was read. */
    private boolean readToEnd;

    /**
     * @param link {@code null} in the first generation
     * @param incoming {@code null} if no connections come from it
     */
    Parent(@Nullable ParentLink link, @Nullable IncomingTransfer incoming, Loop loop, Observers observers) {
        this.link = link;
        this.incoming = incoming;
        this.loop = loop;
        this.observers = observers;
        presence = link == null ? Presence.NONE : Presence.THERE;
        if (link == null) {
            exited.complete(null);
            paused.complete(null);
        }
    }

    /**
     * Reads what the parent passed. Blocks until it is there; not for the thread of the loop.
     *
     * @param messages gets each message, on the thread that reads
     * @param end runs on the loop when the link has ended
     * @return the passed descriptors; those with a name that this library does not know have {@code null}
     */
    Map<Integer, @Nullable FdName> open(Consumer<Message> messages, Runnable end) throws IOException {
        ParentLink from = required();
        CompletableFuture<Map<Integer, @Nullable FdName>> passed =
                from.open(messages, () -> loop.execute(() -> ended(end)));
        loop.execute(() -> limit(from, passed));
        try {
            return passed.get();
        } catch (ExecutionException e) {
            from.abandon();
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw new IOException("the descriptors from parent " + from.pid(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            from.abandon();
            throw new IOException("interrupted while waiting for parent " + from.pid(), e);
        }
    }

    private void limit(ParentLink from, CompletableFuture<?> passed) {
        Duration timeout = from.namesTimeout();
        Loop.Timer timer = loop.schedule(
                timeout,
                () -> passed.completeExceptionally(from.namesMissing("not there within " + Printable.of(timeout))));
        passed.whenComplete((value, problem) -> loop.execute(timer::cancel));
    }

    private void ended(Runnable end) {
        readToEnd = true;
        end.run();
        takeNoMore().thenRun(() -> exited.complete(null));
        observeExit(EXIT_LIMIT);
    }

    /** The end of the link comes a moment before the end of the process. */
    private void observeExit(Duration left) {
        if (required().isParentGone() || left.isNegative()) {
            observers.tell(Observer::parentExited);
        } else {
            loop.schedule(EXIT_CHECK, () -> observeExit(left.minus(EXIT_CHECK)));
        }
    }

    private ParentLink required() {
        if (link == null) {
            throw new IllegalStateException("no parent");
        }
        return link;
    }

    /** Whether an upgrade started this process. On any thread. */
    boolean exists() {
        return link != null;
    }

    /** The link has not ended. */
    boolean isThere() {
        return presence == Presence.THERE;
    }

    /** The link has ended, and it is not known why. */
    boolean isLost() {
        return presence == Presence.LOST;
    }

    /** There was none, or it is known to have exited. */
    boolean isOver() {
        return presence == Presence.NONE || presence == Presence.GONE;
    }

    void markLost() {
        presence = Presence.LOST;
    }

    void markGone() {
        presence = Presence.GONE;
    }

    boolean isReadToEnd() {
        return readToEnd;
    }

    /** Whether it speaks level 2. On any thread. */
    boolean isLevel2() {
        return link != null && link.isLevel2();
    }

    /**
     * Whether there is none any more. Whoever has seen its process end may upgrade immediately, although the
     * end of the link is still on its way to the loop. On any thread.
     */
    boolean hasExited() {
        return link == null
                || exited.isDone()
                || (link.isParentGone() && takeNoMore().isDone());
    }

    /** On which connections come from it; {@code null} if none do. On any thread. */
    @Nullable
    IncomingTransfer incoming() {
        return incoming;
    }

    /**
     * Completes when the connections that it has sent so far are taken, and no others will be. On any thread.
     */
    CompletableFuture<Void> takeNoMore() {
        if (incoming == null) {
            return CompletableFuture.completedFuture(null);
        }
        incoming.stop();
        return incoming.ended();
    }

    /** Whether its process has ended. On any thread. */
    boolean isProcessGone() {
        return link == null || link.isParentGone();
    }

    /** 0 if there was none. On any thread. */
    long pid() {
        return link == null ? 0 : link.pid();
    }

    /** Whether it has started this process at idle CPU priority. On any thread. */
    boolean bootsIdle() {
        return link != null && link.bootsIdle();
    }

    /** How long it may take from the takeover to DRAINED. */
    Duration drainedWait() {
        return required().drainedWait();
    }

    /** As {@link ParentLink#takeover}. */
    void takeover(long pid, Collection<Integer> unused, Collection<Integer> takes) throws IOException {
        required().takeover(pid, unused, takes);
    }

    void ready() throws IOException {
        required().ready();
    }

    /** Tells it why this process cannot take over, once, if there is one. On any thread. */
    void failed(String why) {
        if (link != null) {
            link.failed(why);
        }
    }

    /** Closes this side of the link. On any thread. */
    void hangUp(Os os) {
        required().hangUp(os);
    }

    /** As {@link ParentLink#closeOriginals}. On any thread. */
    void closeOriginals(Os os) throws IOException {
        if (link != null) {
            link.closeOriginals(os);
        }
    }

    /** Completes when its link has ended. On any thread. */
    CompletableFuture<Void> exited() {
        return exited;
    }

    /** Completes when its participants have paused. On any thread. */
    CompletableFuture<Void> paused() {
        return paused;
    }

    void markPaused() {
        paused.complete(null);
    }
}
