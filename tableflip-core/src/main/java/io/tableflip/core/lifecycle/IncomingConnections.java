package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.log.Log;
import io.tableflip.core.transfer.IncomingTransfer;
import io.tableflip.core.transfer.TransferParticipant;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a child does about the connections that its parent will send: it says whose it takes, and loads early
 * what it needs for that. Only for the thread of the loop.
 */
final class IncomingConnections {
    private static final System.Logger LOG = Log.get();

    private final Context context;
    private final Participants participants;
    private final Descriptors fds;
    private final NativeCode nativeCode;
    private final @Nullable IncomingTransfer transfer;
    private final Map<Integer, TransferParticipant> takers = new HashMap<>();
    private boolean prepared;

    IncomingConnections(
            Context context, Parent parent, Participants participants, Descriptors fds, NativeCode nativeCode) {
        this.context = context;
        this.participants = participants;
        this.fds = fds;
        this.nativeCode = nativeCode;
        transfer = parent.incoming();
    }

    /**
     * Loads the native code, and rehearses the calls, while this process warms up: it takes half a second of
     * processor time, and connections wait as soon as this process is the service.
     */
    void prepare() {
        IncomingTransfer channel = transfer;
        if (channel == null || prepared || !participants.canTransfer()) {
            return;
        }
        prepared = true;
        context.workers()
                .execute(() -> nativeCode.use(os -> {
                    try {
                        channel.prepare(os);
                    } catch (SystemCallException | LinkageError e) {
                        LOG.log(WARNING, "the first connection of the parent will wait a little longer", e);
                    }
                }));
    }

    /** The numbers of the passed descriptors of listeners whose connections this process takes. */
    Set<Integer> takes() {
        Set<Integer> numbers = new LinkedHashSet<>();
        if (transfer == null) {
            return numbers;
        }
        takers.clear();
        participants.all().forEach(participant -> {
            if (participant instanceof TransferParticipant taker && taker.transfers()) {
                Set<Integer> own = fds.numbers(taker.serves());
                own.forEach(number -> takers.put(ParentLink.position(number), taker));
                numbers.addAll(own);
            }
        });
        return numbers;
    }

    /** This process is the service. */
    void begin() {
        IncomingTransfer channel = transfer;
        if (channel != null && !takers.isEmpty()) {
            Map<Integer, TransferParticipant> all = Map.copyOf(takers);
            context.workers().execute(() -> begin(channel, all));
        }
    }

    private void begin(IncomingTransfer channel, Map<Integer, TransferParticipant> all) {
        try {
            nativeCode.use(os -> channel.begin(os, all));
        } catch (LinkageError | RuntimeException e) {
            LOG.log(WARNING, "no connections are taken from the parent, which drains them", e);
            channel.stop();
        }
    }
}
