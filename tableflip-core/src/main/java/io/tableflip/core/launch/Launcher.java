package io.tableflip.core.launch;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Knows how this process was started, and how to start the same program once more. Immutable. */
public final class Launcher {
    /** What the files of the passed Unix sockets are, for the child. */
    public static final String SOCKET_FILES = "TABLEFLIP_SOCKET_FILES";

    /**
     * Set by the starter of a packaged application for its own JVM; a child that finds it prints a usage and
     * exits.
     */
    private static final String JPACKAGE = "_JPACKAGE_LAUNCHER";

    private final ProcFs proc;
    private final ChildCommand own;
    private final @Nullable String directory;

    /**
     * Remembers the start of this process: the working directory may be gone or re-pointed by the time of an
     * upgrade.
     */
    public Launcher(ProcFs proc) throws IOException {
        this.proc = proc;
        own = new ChildCommand(
                RawString.decodeBlock(proc.commandLine()), variables(RawString.decodeBlock(proc.environment())));
        directory = workingDirectory(own.environment());
    }

    /** By their names, without what only the process itself was told. */
    static Map<String, String> variables(List<String> block) {
        Map<String, String> environment = new LinkedHashMap<>();
        for (String variable : block) {
            int equals = variable.indexOf('=');
            if (equals > 0) {
                environment.putIfAbsent(variable.substring(0, equals), variable.substring(equals + 1));
            }
        }
        environment.remove(JPACKAGE);
        return environment;
    }

    /**
     * The directory as the user named it, so that a child follows a symbolic link that was re-pointed; its
     * physical path if that is not known; {@code null} to inherit it if Java cannot express that.
     */
    private @Nullable String workingDirectory(Map<String, String> environment) throws IOException {
        String logical = environment.getOrDefault("PWD", "");
        if (logical.startsWith("/") && proc.isWorkingDirectory(logical)) {
            return logical;
        }
        String physical = Files.readSymbolicLink(proc.workingDirectory()).toString();
        return proc.isWorkingDirectory(physical) ? physical : null;
    }

    /** The variables of this process. */
    public Map<String, String> environment() {
        return own.environment();
    }

    /** The command by default: this process's own, without what only it was told. */
    public ChildCommand childCommand() {
        Map<String, String> environment = new LinkedHashMap<>(own.environment());
        environment.keySet().removeIf(Launcher::isOwn);
        return new ChildCommand(own.command(), environment);
    }

    /**
     * What to start.
     *
     * @param link the variable for a child of level 2
     * @param sockets the variables of {@link SocketActivation#KEEP} and {@link #SOCKET_FILES}; empty ones are
     *     left out
     * @param fds become descriptors 3 and up
     */
    public Os.SpawnRequest request(ChildCommand command, String link, Map<String, String> sockets, List<Integer> fds)
            throws IOException {
        List<String> environment = new ArrayList<>();
        command.environment().forEach((name, value) -> {
            if (!isOwn(name)) {
                environment.add(name + "=" + value);
            }
        });
        environment.add(ParentLink.SENTINEL + "=yes");
        environment.add(ParentLink.LINK + "=" + link);
        sockets.forEach((name, value) -> {
            if (!value.isEmpty()) {
                environment.add(name + "=" + value);
            }
        });
        String program = command.command().get(0);
        requireDirectory();
        return new Os.SpawnRequest(
                executable(program, command.environment()), command.command(), environment, directory, fds);
    }

    /** The java command that a process runs now; empty if it runs none. */
    public Optional<JavaCommand> runningJava(long pid) {
        return JavaCommand.running(proc, pid);
    }

    static boolean isOwn(String variable) {
        return variable.equals(ParentLink.SENTINEL)
                || variable.equals(ParentLink.LINK)
                || variable.equals(SOCKET_FILES)
                || SocketActivation.isOwn(variable);
    }

    /** The error of the spawn would be "no such file" and seem to mean the program. */
    private void requireDirectory() throws IOException {
        if (directory != null && !Files.isDirectory(Path.of(directory))) {
            throw new IOException("the working directory " + Printable.of(directory) + " is gone");
        }
    }

    /** As a shell would find it; what this process was started from if that finds nothing. */
    private String executable(String program, Map<String, String> environment) throws IOException {
        if (program.contains("/")) {
            return program; // as it is: a link may point to a new version by now
        }
        for (String element : environment.getOrDefault("PATH", "/usr/bin:/bin").split(":", -1)) {
            Optional<String> found = executableIn(element.isEmpty() ? "." : element, program);
            if (found.isPresent()) {
                return found.get();
            }
        }
        if (program.equals(own.command().get(0))) {
            return proc.executable().toString();
        }
        throw new IOException("program " + program + " is not in PATH");
    }

    private static Optional<String> executableIn(String directory, String program) {
        try {
            Path path = Path.of(directory, program);
            return Files.isExecutable(path) && !Files.isDirectory(path)
                    ? Optional.of(path.toString())
                    : Optional.empty();
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }
}
