package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds out whether somebody waits for exactly this process and takes its end for that of the service. An
 * upgrade would succeed, and then everything would end, with status 0.
 */
public final class Supervisor {
    private static final System.Logger LOG = Log.get();

    /** They end with their first child, and the container with them. */
    private static final Set<String> INITS = Set.of("tini", "tini-static", "dumb-init", "docker-init", "catatonit");

    /** They start one program, and start it again when it ends. */
    private static final Set<String> RESTARTERS = Set.of("runsv", "s6-supervise");

    private static final String LAUNCHER = "start it by tableflip-launcher.sh, which follows the PID file";
    private static final String CONTAINERS = " (docs/containers.md)";
    private static final String SUPERVISORS = " (docs/supervisors.md)";

    private Supervisor() {}

    /**
     * Who waits for this process.
     *
     * @param environment of this process
     * @param hasPidFile others can follow the service by its PID file
     * @return who it is, what would happen, and the remedy; empty if nobody is known to wait
     */
    public static Optional<String> find(ProcFs proc, Map<String, String> environment, long pid, boolean hasPidFile) {
        try {
            if (pid == 1) {
                return Optional.of(
                        "this is process 1: the container ends with it. To upgrade, " + LAUNCHER + CONTAINERS);
            }
            long parent = proc.parentPid();
            String name = proc.name(parent);
            if (INITS.contains(name) && proc.isFirstChild(pid, parent)) {
                return Optional.of(name + " (process " + parent
                        + ") waits for this process, and ends with it. To upgrade, " + LAUNCHER + CONTAINERS);
            }
            Optional<String> restarter = restarter(proc, environment, parent, name);
            if (restarter.isPresent()) {
                return Optional.of(restarter.get() + " (process " + parent + ") waits for this process, and takes its"
                        + " end for that of the service. To upgrade, " + LAUNCHER + SUPERVISORS);
            }
            if (!hasPidFile && isMainProcessOfUnit(environment, pid, name)) {
                return Optional.of("systemd waits for this process, and ends the service with it. To upgrade, set a"
                        + " pidFile(..), and PIDFile= in the unit, or let it be of Type=notify (docs/systemd.md)");
            }
        } catch (IOException e) {
            LOG.log(DEBUG, "it is not known who waits for this process", e);
        }
        return Optional.empty();
    }

    private static Optional<String> restarter(ProcFs proc, Map<String, String> environment, long parent, String name)
            throws IOException {
        if (RESTARTERS.contains(name)) {
            return Optional.of(name);
        }
        return environment.containsKey("SUPERVISOR_ENABLED") && isSupervisord(proc, parent)
                ? Optional.of("supervisord")
                : Optional.empty();
    }

    /** By its command line: the process may have the name of the Python that runs it. */
    private static boolean isSupervisord(ProcFs proc, long pid) throws IOException {
        return Stream.of(proc.commandLine(pid).split("\0", -1)).anyMatch(word -> word.endsWith("supervisord"));
    }

    /** A unit of Type=notify learns its new main process by a notification. */
    private static boolean isMainProcessOfUnit(Map<String, String> environment, long pid, String parent) {
        if (!environment.containsKey("INVOCATION_ID") || environment.containsKey("NOTIFY_SOCKET")) {
            return false;
        }
        String main = environment.get("SYSTEMD_EXEC_PID"); // since version 248
        return main == null ? parent.equals("systemd") : main.equals(Long.toString(pid));
    }
}
