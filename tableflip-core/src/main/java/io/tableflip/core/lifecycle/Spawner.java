package io.tableflip.core.lifecycle;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.util.Objects.requireNonNull;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.SystemCallException;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.launch.Launcher;
import io.tableflip.core.launch.SocketActivation;
import io.tableflip.core.link.ChildLink;
import io.tableflip.core.link.Gob;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.link.ParentLink.TransferSocket;
import io.tableflip.core.link.WireNames;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ChildProcess;
import io.tableflip.core.os.Os;
import io.tableflip.core.resources.Admission;
import io.tableflip.core.transfer.OutgoingTransfer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Makes the command of a child, and starts it. */
final class Spawner {
    private static final System.Logger LOG = Log.get();

    private final Context context;
    private final Os os;
    private final Launcher launcher;
    private final Descriptors fds;
    private final Admission admission;
    private final IdleBoot idleBoot;

    Spawner(Context context, Os os, Launcher launcher, Descriptors fds, Admission admission, IdleBoot idleBoot) {
        this.context = context;
        this.os = os;
        this.launcher = launcher;
        this.fds = fds;
        this.admission = admission;
        this.idleBoot = idleBoot;
    }

    /**
     * Makes the command. Not for the thread of the loop: it runs code of the user, and reads files.
     *
     * @param passed how many descriptors the child gets
     * @throws CompletionException with an {@link UpgradeException} if the resource check refuses it, with an
     *     {@link IOException} if what it should start is gone
     */
    ChildCommand command(int passed) {
        ChildCommand command = requireNonNull(
                context.settings().childCommand().apply(launcher.commandNow()), "childCommand has given no command");
        try {
            launcher.warnings(command).forEach(this::warn);
            admission.admit(command, passed);
        } catch (UpgradeException | IOException e) {
            throw new CompletionException(e);
        }
        return command;
    }

    private void warn(String warning) {
        LOG.log(WARNING, "upgrade: {0}", warning);
        context.observers().tell(observer -> observer.upgradeWarning(warning));
    }

    /**
     * Starts the child. Only on the thread of the loop.
     *
     * @param transfers whether connections may go to the child
     * @param heard runs when the child has sent something
     * @param idleLimitOver runs when the child has started at idle priority for as long as it may
     */
    SpawnedChild spawn(
            ChildCommand command, Duplicates duplicates, boolean transfers, Runnable heard, Runnable idleLimitOver)
            throws IOException {
        List<Integer> ours = new ArrayList<>();
        List<Integer> childs = new ArrayList<>();
        try {
            Os.Pipe fromChild = pipe(childs, ours, false);
            Os.Pipe toChild = pipe(childs, ours, true);
            boolean idle = idleBoot.isPossible();
            List<Integer> passed = new ArrayList<>(duplicates.numbers().toList());
            Os.@Nullable SocketPair channel = transfers ? channel(childs, ours) : null;
            TransferSocket announced = null;
            if (channel != null) {
                announced = new TransferSocket(ParentLink.FIRST_PASSED_FD + passed.size(), channel.inode());
                passed.add(channel.childs());
            }
            Os.SpawnRequest request = launcher.request(
                    command,
                    ParentLink.variable(
                            context.pid(),
                            fromChild.inode(),
                            toChild.inode(),
                            context.generation() + 1,
                            context.settings().maxDrainBeforeCommit(),
                            idle,
                            announced),
                    Map.of(
                            SocketActivation.KEEP,
                            SocketActivation.variable(fds.socketPaths().kept()),
                            Launcher.SOCKET_FILES,
                            fds.socketPaths().variable()),
                    Stream.concat(Stream.of(fromChild.writeEnd(), toChild.readEnd()), passed.stream())
                            .toList());
            os.setNonBlocking(fromChild.readEnd());
            os.setNonBlocking(toChild.writeEnd());
            ChildLink link = new ChildLink(os, fromChild.readEnd(), toChild.writeEnd(), heard);
            ours.removeAll(List.of(fromChild.readEnd(), toChild.writeEnd())); // the link's from now on
            try {
                sendNames(link, toChild, duplicates, channel != null);
                LOG.log(DEBUG, "upgrade: command: {0}", command); // arguments may hold secrets
                ChildProcess process = ChildProcess.spawn(os, request);
                try {
                    SpawnedChild child = new SpawnedChild(
                            process,
                            link,
                            idle ? idleBoot.begin(os, process, idleLimitOver) : null,
                            channel == null ? null : new OutgoingTransfer(os.messageSocket(channel.ours())),
                            new EarlyEnd(context, os, launcher, command, request, process));
                    ours.clear();
                    return child;
                } catch (RuntimeException | Error e) {
                    process.kill(ChildProcess.SIGKILL); // nobody would know of it
                    throw e;
                }
            } catch (IOException | RuntimeException | Error e) {
                link.close(false);
                throw e;
            }
        } finally {
            // if these stayed open, the child's death would show neither as end-of-file nor as EPIPE
            closeAll(childs);
            closeAll(ours);
        }
    }

    /** Before the spawn: if this process is killed just then, the child knows all it needs. */
    private void sendNames(ChildLink link, Os.Pipe toChild, Duplicates duplicates, boolean transfers)
            throws SystemCallException {
        List<List<String>> all = new ArrayList<>(duplicates.wireNames());
        if (transfers) {
            all.add(WireNames.TRANSFER);
        }
        byte[] names = Gob.encode(all);
        os.enlargePipe(toChild.writeEnd(), names.length);
        link.send(names);
        SystemCallException failure = link.failure();
        if (failure != null) {
            throw failure;
        }
        link.start();
    }

    /** Without it nothing can be transferred, and the connections are drained. */
    private Os.@Nullable SocketPair channel(List<Integer> childs, List<Integer> ours) {
        try {
            Os.SocketPair pair = os.socketPair();
            childs.add(pair.childs());
            ours.add(pair.ours());
            return pair;
        } catch (SystemCallException e) {
            LOG.log(WARNING, "upgrade: no connections will be transferred, all are drained", e);
            return null;
        }
    }

    private Os.Pipe pipe(List<Integer> childs, List<Integer> ours, boolean childReads) throws SystemCallException {
        Os.Pipe pipe = os.pipe();
        childs.add(childReads ? pipe.readEnd() : pipe.writeEnd());
        ours.add(childReads ? pipe.writeEnd() : pipe.readEnd());
        return pipe;
    }

    private void closeAll(List<Integer> fds) {
        for (int fd : fds) {
            try {
                os.close(fd);
            } catch (SystemCallException e) {
                LOG.log(WARNING, "pipe to the child", e);
            }
        }
    }
}
