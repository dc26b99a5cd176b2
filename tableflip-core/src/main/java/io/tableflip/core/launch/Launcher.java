package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.link.ParentLink;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.JvmOptions;
import io.tableflip.core.text.Printable;
import io.tableflip.core.text.RawString;
import io.tableflip.core.text.StartEnvironment;
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

/** Knows how this process was started, and how to start the same program once more. Thread-safe. */
public final class Launcher {
    private static final System.Logger LOG = Log.get();

    /** What the files of the passed Unix sockets are, for the child. */
    public static final String SOCKET_FILES = "TABLEFLIP_SOCKET_FILES";

    /**
     * Set by the starter of a packaged application for its own JVM; a child that finds it prints a usage and
     * exits.
     */
    private static final String JPACKAGE = "_JPACKAGE_LAUNCHER";

    private final ProcFs proc;
    private final ChildCommand own;
    private final StartDirectory directory;
    private final ReleaseLinks links;

    /**
     * Remembers the start of this process: the working directory may be gone or re-pointed by the time of an
     * upgrade.
     *
     * @throws IOException if the command line is not known
     */
    public Launcher(ProcFs proc) throws IOException {
        this.proc = proc;
        Map<String, String> environment = OwnEnvironment.read(proc);
        environment.remove(JPACKAGE);
        own = new ChildCommand(commandLine(proc), environment);
        directory = StartDirectory.of(proc, environment);
        links = new ReleaseLinks(own, directory);
    }

    private static List<String> commandLine(ProcFs proc) throws IOException {
        List<String> words = RawString.decodeBlock(proc.commandLine());
        if (words.isEmpty()) {
            throw new IOException("the command line of this process is empty");
        }
        return words;
    }

    /** The variables of this process. */
    public Map<String, String> environment() {
        return own.environment();
    }

    /**
     * Looks around when this process has become the service: finds links to its release, and warns of what
     * upgrades will not see. Reads the file system.
     */
    public void lookAround() {
        links.find();
        if (!own.environment().containsKey(StartEnvironment.VARIABLE)) {
            RepeatedExec.find(own.environment(), System.getProperty("java.home", ""))
                    .ifPresent(library -> LOG.log(
                            WARNING,
                            "java has started itself a second time, since LD_LIBRARY_PATH has {0} in it: the command line of"
                                    + " this process has the contents of argument files (@file) and of JDK_JAVA_OPTIONS in it,"
                                    + " and an upgrade does not see their changes. Take that directory out of LD_LIBRARY_PATH,"
                                    + " or let upgrades run a start script (docs/pitfalls.md)",
                            Printable.of(library)));
        }
    }

    /** The command by default: this process's own, without what only it was told. */
    public ChildCommand childCommand() {
        Map<String, String> environment = new LinkedHashMap<>(own.environment());
        environment.keySet().removeIf(Launcher::isOwn);
        return new ChildCommand(own.command(), environment);
    }

    /**
     * The command by default for an upgrade that begins now. Where a link in the name of the working
     * directory was re-pointed, it has the new paths. Reads the file system.
     */
    public ChildCommand commandNow() {
        return directory.follow(childCommand());
    }

    /**
     * What the operator should know about an upgrade with this command: which release it runs, if that is not
     * the one that a re-pointed link leads to. Reads the file system.
     *
     * @throws IOException if what is to be started is gone, with the reason and the remedy
     */
    public List<String> warnings(ChildCommand command) throws IOException {
        return links.warnings(command, directory(command));
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
        String links = this.links.variable();
        if (!links.isEmpty()) {
            environment.add(ReleaseLinks.VARIABLE + "=" + links);
        }
        String program = command.command().get(0);
        String start = directory(command);
        requireDirectory(start);
        return new Os.SpawnRequest(
                executable(program, command.environment()), command.command(), environment, start, fds);
    }

    /** A start script begins where it began first, if it keeps the environment of that start. */
    private @Nullable String directory(ChildCommand command) {
        Map<String, String> environment = command.environment();
        return StartEnvironment.keeps(environment, "PWD") && !JvmOptions.isJava(command.command())
                ? StartDirectory.ofScript(environment).orElse(directory.path())
                : directory.path();
    }

    /** The java command that a process runs now; empty if it runs none. */
    public Optional<JavaCommand> runningJava(long pid) {
        return JavaCommand.running(proc, pid);
    }

    static boolean isOwn(String variable) {
        return variable.equals(ParentLink.SENTINEL)
                || variable.equals(ParentLink.LINK)
                || variable.equals(SOCKET_FILES)
                || variable.equals(ReleaseLinks.VARIABLE)
                || SocketActivation.isOwn(variable);
    }

    /** The error of the spawn would be "no such file" and seem to mean the program. */
    private static void requireDirectory(@Nullable String directory) throws IOException {
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
