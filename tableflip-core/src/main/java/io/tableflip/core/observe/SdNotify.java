package io.tableflip.core.observe;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.SystemCallException;
import io.tableflip.core.UpgradeException;
import io.tableflip.core.log.Log;
import io.tableflip.core.text.Printable;
import io.tableflip.core.text.RawString;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

/**
 * Tells systemd what this process does (sd_notify(3)): that the service is ready, reloads for the time of an
 * upgrade, or stops, and a line for {@code systemctl status}.
 *
 * <p>A reload ends with a READY of the new process, when the old one has gone: until then systemd would take
 * the new one for "not our child", and a second reload would go to a process that is leaving. MAINPID is
 * never said, for the same reason: systemd reads the PID file when the main process has ended.
 */
public final class SdNotify implements Observer {
    private static final System.Logger LOG = Log.get();

    private static final String VARIABLE = "NOTIFY_SOCKET";
    /** The field of {@code sockaddr_un} without the zero that ends a path. */
    private static final int MAX_PATH = 107;

    /** How much more time systemd is asked for, every second. */
    private static final Duration EXTENSION = Duration.ofSeconds(10);

    /**
     * As long as systemd has not heard that the parent has ended, it may refuse what the new main process
     * says.
     */
    private static final Duration[] AGAIN = {Duration.ofMillis(200), Duration.ofSeconds(2)};

    private final Sender sender;
    private final BiConsumer<Duration, Runnable> later;
    private final LongSupplier nanoTime;
    private final boolean hasParent;
    private final int generation;
    private final Duration upgradeTimeout;

    private boolean serving;
    private boolean parentExited;
    private boolean upgrading;
    private boolean upgraded;
    private boolean stopping;
    private boolean failing;

    /** Sends one message, which may fail. */
    @FunctionalInterface
    public interface Sender {
        void send(byte[] message) throws SystemCallException;
    }

    /**
     * @param later does something after a while, on the thread that calls this object
     * @param nanoTime that of CLOCK_MONOTONIC, as {@link System#nanoTime} is
     * @param upgradeTimeout how long a new process may take to start
     */
    public SdNotify(
            Sender sender,
            BiConsumer<Duration, Runnable> later,
            LongSupplier nanoTime,
            boolean hasParent,
            int generation,
            Duration upgradeTimeout) {
        this.sender = sender;
        this.later = later;
        this.nanoTime = nanoTime;
        this.hasParent = hasParent;
        this.generation = generation;
        this.upgradeTimeout = upgradeTimeout;
    }

    /**
     * Where to send to: a path, or an abstract name with a zero in front of it. Empty without the variable,
     * and if it makes no sense, which is logged.
     */
    public static Optional<byte[]> address(Map<String, String> environment) {
        String socket = environment.get(VARIABLE);
        if (socket == null || socket.isEmpty()) {
            return Optional.empty();
        }
        byte[] address = RawString.encode(socket);
        if ((address[0] != '/' && address[0] != '@') || address.length == 1) {
            LOG.log(WARNING, "{0}={1} is neither a path nor an abstract name: ignored", VARIABLE, Printable.of(socket));
            return Optional.empty();
        }
        if (address.length > MAX_PATH) {
            LOG.log(
                    WARNING,
                    "{0} is longer than a Unix socket may be ({1} bytes): ignored",
                    VARIABLE,
                    Integer.toString(MAX_PATH));
            return Optional.empty();
        }
        if (address[0] == '@') {
            address = address.clone();
            address[0] = 0;
        }
        return Optional.of(address);
    }

    @Override
    public void serving() {
        serving = true;
        announce();
    }

    @Override
    public void parentExited() {
        parentExited = true;
        announce();
    }

    private void announce() {
        if (!serving || (hasParent && !parentExited) || upgrading || stopping) {
            return;
        }
        ready("generation " + generation + " serves");
        if (hasParent) {
            for (Duration delay : AGAIN) {
                later.accept(delay, () -> {
                    if (!upgrading && !upgraded && !stopping) {
                        send("READY=1");
                    }
                });
            }
        }
    }

    @Override
    public void upgradeBegan() {
        upgrading = true;
        reloading("upgrading: generation " + (generation + 1) + " starts");
    }

    /** A READY will come, and would not end a reload of Type=notify-reload that has not been answered. */
    @Override
    public void upgradeDeferred(UpgradeException reason) {
        if (serving && !stopping) {
            send(reloading());
        }
    }

    @Override
    public void upgradeRefused(UpgradeException reason) {
        if (!serving || stopping) {
            return;
        }
        if (upgrading || (hasParent && !parentExited)) {
            send(reloading()); // as above
        } else {
            reloading("upgrade refused");
            ready("generation " + generation + " serves on, upgrade refused: " + reason.getMessage());
        }
    }

    @Override
    public void upgradeFailed(UpgradeException reason) {
        upgrading = false;
        if (!stopping) {
            ready("generation " + generation + " serves on, upgrade failed: " + reason.getMessage());
        }
    }

    @Override
    public void takenOver(long pid) {
        status("generation " + (generation + 1) + " (pid " + pid + ") accepts connections, this process drains");
    }

    @Override
    public void upgraded(long pid) {
        upgraded = true;
        status("generation " + (generation + 1) + " (pid " + pid + ") is the service");
    }

    @Override
    public void draining(IntSupplier left, Instant ends) {
        if (upgrading || stopping) {
            int count = left.getAsInt();
            String what = "draining " + count + (count == 1 ? " connection" : " connections");
            send("STATUS=" + (stopping ? "stopping, " : upgraded ? "upgraded, " : "upgrading, ") + what + "\n"
                    + extend(EXTENSION));
        }
    }

    @Override
    public void stopping() {
        if (!upgraded && (serving || !hasParent)) {
            stopping = true;
            send("STOPPING=1\nSTATUS=stopping");
        }
    }

    private void ready(String status) {
        send("READY=1\nSTATUS=" + oneLine(status));
    }

    private void reloading(String status) {
        send(reloading() + "\nSTATUS=" + oneLine(status));
    }

    /** With time for a start that takes longer than systemd's own timeout: later on a drain asks for more. */
    private String reloading() {
        return "RELOADING=1\nMONOTONIC_USEC=" + nanoTime.getAsLong() / 1000 + "\n"
                + extend(upgradeTimeout.plus(EXTENSION));
    }

    private static String extend(Duration more) {
        return "EXTEND_TIMEOUT_USEC=" + more.toNanos() / 1000;
    }

    private void status(String status) {
        send("STATUS=" + oneLine(status));
    }

    /** A line more could say anything. */
    private static String oneLine(String text) {
        return Printable.of(text);
    }

    private void send(String message) {
        LOG.log(DEBUG, "to systemd: {0}", message.replace('\n', ' '));
        try {
            sender.send(message.getBytes(StandardCharsets.UTF_8));
            failing = false;
        } catch (SystemCallException | LinkageError e) {
            if (!failing) { // once, and not for every line
                LOG.log(WARNING, "systemd cannot be told (" + VARIABLE + "), the service goes on", e);
            }
            failing = true;
        }
    }
}
