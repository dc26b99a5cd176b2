package io.tableflip.core.lifecycle;

import static java.util.Objects.requireNonNull;

import io.tableflip.core.DrainReport;
import io.tableflip.core.FdName;
import io.tableflip.core.transfer.ConnectionSender;
import io.tableflip.core.transfer.TransferParticipant;
import io.tableflip.testsupport.Await;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * A participant with connections that can go on in a child. It notes its calls; its drains end when the test
 * says so.
 */
final class Transferring implements TransferParticipant {
    final List<String> calls = new CopyOnWriteArrayList<>();
    final BlockingQueue<Integer> adopted = new LinkedBlockingQueue<>();
    volatile boolean transfers = true;
    volatile Runnable whenAdopting = () -> {};

    private final Set<FdName> serves;
    private final CompletableFuture<DrainReport> others = new CompletableFuture<>();
    private final CompletableFuture<DrainReport> all = new CompletableFuture<>();
    private final CompletableFuture<DrainReport> transferred = new CompletableFuture<>();
    private volatile @Nullable ConnectionSender sender;

    Transferring(Set<FdName> serves) {
        this.serves = serves;
    }

    void otherDrained() {
        others.complete(DrainReport.NOTHING);
    }

    void drained() {
        all.complete(DrainReport.NOTHING);
    }

    void transferred() {
        transferred.complete(DrainReport.NOTHING);
    }

    ConnectionSender sender() {
        Await.until("a transfer, after " + calls, () -> sender != null);
        return requireNonNull(sender);
    }

    void await(String... expected) {
        Await.until(List.of(expected).toString(), () -> calls.equals(List.of(expected)), calls::toString);
    }

    private CompletionStage<?> called(String call) {
        calls.add(call);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public Set<FdName> serves() {
        return serves;
    }

    @Override
    public boolean transfers() {
        return transfers;
    }

    @Override
    public CompletionStage<?> pause() {
        return called("pause");
    }

    @Override
    public CompletionStage<?> resume() {
        return called("resume");
    }

    @Override
    public CompletionStage<?> release() {
        return called("release");
    }

    @Override
    public CompletionStage<DrainReport> drain(Duration timeout) {
        calls.add("drain " + timeout);
        return all;
    }

    @Override
    public CompletionStage<DrainReport> drainOthers(Duration timeout) {
        calls.add("drainOthers " + timeout);
        return others;
    }

    @Override
    public CompletionStage<DrainReport> transfer(Duration timeout, ConnectionSender to) {
        calls.add("transfer " + timeout);
        sender = to;
        return transferred;
    }

    @Override
    public CompletionStage<?> adopt(int fd, byte[] record) {
        whenAdopting.run();
        adopted.add(fd);
        return CompletableFuture.completedFuture(null);
    }
}
