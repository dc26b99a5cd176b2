package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.Printable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The working directory of the start, as the user named it: so the child follows a symbolic link that was
 * re-pointed. A start script may have resolved the same link for the command line. Immutable.
 *
 * @param path where to start a child; {@code null} to inherit the directory, since Java cannot express it
 * @param link the link in that path, if there is one, and what it led to
 */
record StartDirectory(@Nullable String path, @Nullable ReleaseLink link) {
    private static final System.Logger LOG = Log.get();

    /** The shell sets them. */
    private static final Set<String> NOT_MOVED = Set.of("PWD", "OLDPWD");

    static StartDirectory of(ProcFs proc, Map<String, String> environment) {
        Optional<String> physical = physical(proc);
        String logical = environment.getOrDefault("PWD", "");
        if (logical.startsWith("/") && proc.isWorkingDirectory(logical)) {
            return new StartDirectory(
                    logical, physical.flatMap(real -> link(logical, real)).orElse(null));
        }
        return new StartDirectory(physical.filter(proc::isWorkingDirectory).orElse(null), null);
    }

    private static Optional<String> physical(ProcFs proc) {
        try {
            return Optional.of(Files.readSymbolicLink(proc.workingDirectory()).toString());
        } catch (IOException e) {
            LOG.log(DEBUG, "the working directory has no name: children inherit it", e);
            return Optional.empty();
        }
    }

    /**
     * The part of both names that differs: {@code /srv/app/current} for {@code /srv/app/current/bin} and
     * {@code /srv/app/releases/1/bin}.
     */
    private static Optional<ReleaseLink> link(String logical, String physical) {
        Path link = Path.of(logical);
        Path target = Path.of(physical);
        for (int names = commonEnd(link, target); names >= 0; names--) {
            ReleaseLink shorter = new ReleaseLink(
                    withoutEnd(link, names).toString(),
                    withoutEnd(target, names).toString());
            if (!shorter.link().equals(shorter.target()) && shorter.now().equals(Optional.of(shorter.target()))) {
                return Optional.of(shorter);
            }
        }
        return Optional.empty();
    }

    /** How many names at the end are the same, but for the first one of each path; -1 for the root. */
    private static int commonEnd(Path link, Path target) {
        int most = Math.min(link.getNameCount(), target.getNameCount()) - 1;
        for (int names = 0; names < most; names++) {
            if (!fromEnd(link, names).equals(fromEnd(target, names))) {
                return names;
            }
        }
        return most;
    }

    private static Path fromEnd(Path path, int index) {
        return path.getName(path.getNameCount() - 1 - index);
    }

    private static Path withoutEnd(Path path, int names) {
        return Path.of("/").resolve(path.subpath(0, path.getNameCount() - names));
    }

    /** The same command, with what the link led to replaced by what it leads to now. */
    ChildCommand follow(ChildCommand command) {
        Optional<String> moved = link == null ? Optional.empty() : link.movedTo();
        if (link == null || moved.isEmpty()) {
            return command;
        }
        String old = link.target();
        List<String> words = command.command().stream()
                .map(word -> PathWords.replace(word, old, moved.get()))
                .toList();
        Map<String, String> environment = new LinkedHashMap<>(command.environment());
        environment.replaceAll(
                (name, value) -> NOT_MOVED.contains(name) ? value : PathWords.replace(value, old, moved.get()));
        if (!words.equals(command.command()) || !environment.equals(command.environment())) {
            LOG.log(
                    INFO,
                    "upgrade: {0} leads to {1} now: the new process runs that, in place of {2}",
                    Printable.of(link.link()),
                    Printable.of(moved.get()),
                    Printable.of(old));
        }
        return new ChildCommand(words, environment);
    }

    /**
     * For a start script that is started in the environment of its first start: the directory of that one.
     */
    static Optional<String> ofScript(Map<String, String> environment) {
        String directory = environment.getOrDefault("PWD", "");
        try {
            return directory.startsWith("/") && Files.isDirectory(Path.of(directory))
                    ? Optional.of(directory)
                    : Optional.empty();
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }
}
