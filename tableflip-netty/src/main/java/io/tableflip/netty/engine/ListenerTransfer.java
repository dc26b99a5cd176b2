package io.tableflip.netty.engine;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.tableflip.core.DrainReport;
import io.tableflip.core.transfer.ConnectionSender;
import io.tableflip.netty.drain.LoopTasks;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Transfers the connections of one listener to the child that is the service. Thread-safe. */
public final class ListenerTransfer {
    private final ConnectionSender sender;
    private final long deadline;
    private final Consumer<Channel> stays;
    private final CompletableFuture<DrainReport> report = new CompletableFuture<>();
    // guarded by this
    private long transferred;
    private long closed;
    private final Map<String, Long> reasons = new HashMap<>();

    /**
     * @param patience how long a connection may take to come to a boundary
     * @param stays gets each connection that is not transferred, on its event loop
     */
    public ListenerTransfer(ConnectionSender sender, Duration patience, Consumer<Channel> stays) {
        this.sender = sender;
        deadline = System.nanoTime() + patience.toNanos();
        this.stays = stays;
    }

    /**
     * Begins.
     *
     * @param channels registered with their event loops
     * @return completes, with the counts of the transfer alone, when each of them is transferred or stays
     */
    public CompletableFuture<DrainReport> begin(Collection<Channel> channels) {
        Map<EventLoop, List<Channel>> byLoop = new HashMap<>();
        channels.forEach(channel -> byLoop.computeIfAbsent(channel.eventLoop(), loop -> new ArrayList<>())
                .add(channel));
        List<CompletableFuture<Void>> all = new ArrayList<>();
        byLoop.forEach((loop, those) -> all.add(begin(loop, those)));
        CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new)).thenRun(() -> report.complete(counts()));
        return report;
    }

    private CompletableFuture<Void> begin(EventLoop loop, List<Channel> channels) {
        Pass pass = new Pass();
        LoopTasks.execute(loop, () -> pass.begin(loop, channels), () -> {
            channels.forEach(channel -> stays(channel, "event loop ended"));
            pass.done();
        });
        loop.terminationFuture().addListener(ended -> pass.done()); // it has closed its channels
        return pass.done;
    }

    private void stays(Channel channel, String reason) {
        synchronized (this) {
            reasons.merge(reason, 1L, Long::sum);
        }
        stays.accept(channel);
    }

    private synchronized DrainReport counts() {
        DrainReport.Builder counts =
                DrainReport.builder().transferred(transferred).finished(closed);
        reasons.forEach(counts::notTransferred);
        return counts.build();
    }

    /** On one loop. */
    private final class Pass implements LoopPass.Result {
        private final CompletableFuture<Void> done = new CompletableFuture<>();

        void begin(EventLoop loop, List<Channel> channels) {
            List<Candidate> candidates = new ArrayList<>();
            for (Channel channel : channels) {
                String never = Candidate.neverReason(channel);
                Transferable transferable = Transferable.of(channel);
                if (never == null && transferable != null) {
                    candidates.add(new Candidate(channel, transferable));
                } else if (channel.isActive()) {
                    ListenerTransfer.this.stays(channel, never == null ? "unknown" : never);
                }
            }
            LoopPass pass = new LoopPass(loop, candidates, sender, deadline, this);
            sender.onCredit(() -> LoopTasks.execute(loop, pass::again, () -> {}));
            pass.again();
        }

        @Override
        public void transferred(Candidate candidate) {
            synchronized (ListenerTransfer.this) {
                transferred++;
            }
        }

        @Override
        public void closed(Candidate candidate) {
            synchronized (ListenerTransfer.this) {
                closed++;
            }
        }

        @Override
        public void stays(Candidate candidate, String reason) {
            ListenerTransfer.this.stays(candidate.channel(), reason);
        }

        @Override
        public void done() {
            done.complete(null);
        }
    }
}
