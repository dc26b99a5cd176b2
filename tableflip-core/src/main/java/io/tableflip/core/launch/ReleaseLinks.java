package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.DEBUG;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.log.Log;
import io.tableflip.core.text.JvmOptions;
import io.tableflip.core.text.Printable;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Symbolic links to what the command line or the working directory of this process names by its real path,
 * as a start script does after {@code cd -P} or {@code readlink -f}. When such a link is re-pointed, an
 * upgrade still runs the old release, and this class knows it. Thread-safe.
 */
final class ReleaseLinks {
    /** The links that earlier generations have found: where they lead now, nobody would find them again. */
    static final String VARIABLE = "TABLEFLIP_RELEASE_LINKS";

    private static final System.Logger LOG = Log.get();

    /** How many entries of one directory to look at, and of all. */
    private static final int MOST_OF_ONE = 2_000;

    private static final int MOST_OF_ALL = 20_000;

    /** How many links to remember. */
    private static final int MOST_LINKS = 100;

    /** How long the variable may be: the kernel limits the environment. */
    private static final int LONGEST_VARIABLE = 20_000;

    /** The JVM finds code by their values. */
    private static final List<String> PATH_VARIABLES =
            List.of("CLASSPATH", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS");

    private final ChildCommand own;
    private final StartDirectory directory;
    private final Set<ReleaseLink> links = new LinkedHashSet<>(); // guarded by this
    private final Set<String> existed = new HashSet<>(); // guarded by this
    private boolean searched; // guarded by this

    ReleaseLinks(ChildCommand own, StartDirectory directory) {
        this.own = own;
        this.directory = directory;
    }

    /** Looks for the links, once. Lists directories: not on the way to readiness. */
    synchronized void find() {
        if (searched) {
            return;
        }
        searched = true;
        Set<String> named = named(own, directory.path());
        Set<Path> targets = new LinkedHashSet<>();
        for (String path : named) {
            addPhysical(path, targets);
            if (exists(path)) {
                existed.add(path);
            }
        }
        inherited().stream().filter(link -> isNamed(link.target(), named)).forEach(links::add);
        search(targets);
        LOG.log(DEBUG, "links to what was started: {0}", links);
    }

    /** The file or directory, and all that contain it, as far as their names are the real ones. */
    private static void addPhysical(String path, Set<Path> targets) {
        try {
            Path at = Path.of(path);
            while (at != null && at.getNameCount() > 0 && !targets.contains(at)) {
                if (ReleaseLink.realPath(at.toString()).equals(Optional.of(at))) {
                    targets.add(at);
                }
                at = at.getParent();
            }
        } catch (InvalidPathException e) {
            LOG.log(DEBUG, "no path to look at", e);
        }
    }

    private void search(Set<Path> targets) {
        List<Path> directories = targets.stream()
                .map(Path::getParent)
                .distinct()
                .sorted(Comparator.comparingInt(Path::getNameCount)) // a link to a release is close to the root
                .toList();
        int left = MOST_OF_ALL;
        for (Path parent : directories) {
            left -= search(parent, targets, Math.min(left, MOST_OF_ONE));
        }
    }

    private int search(Path parent, Set<Path> targets, int most) {
        int seen = 0;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent)) {
            for (Path entry : entries) {
                if (++seen > most) {
                    break;
                }
                if (links.size() < MOST_LINKS && Files.isSymbolicLink(entry)) {
                    ReleaseLink.realPath(entry.toString())
                            .filter(targets::contains)
                            .ifPresent(target -> links.add(new ReleaseLink(entry.toString(), target.toString())));
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            LOG.log(DEBUG, "links in " + parent, e);
        }
        return seen;
    }

    private Set<ReleaseLink> inherited() {
        Set<ReleaseLink> inherited = new LinkedHashSet<>();
        try {
            byte[] block = Base64.getDecoder().decode(own.environment().getOrDefault(VARIABLE, ""));
            List<String> paths = RawString.decodeBlock(block);
            for (int i = 0; i + 1 < paths.size(); i += 2) {
                inherited.add(new ReleaseLink(paths.get(i), paths.get(i + 1)));
            }
        } catch (IllegalArgumentException e) {
            LOG.log(DEBUG, VARIABLE, e);
        }
        return inherited;
    }

    /** The value of {@link #VARIABLE} for a child. */
    synchronized String variable() {
        StringBuilder block = new StringBuilder();
        for (ReleaseLink link : links) {
            String pair = link.link() + '\0' + link.target() + '\0';
            if (block.length() + pair.length() <= LONGEST_VARIABLE) {
                block.append(pair);
            }
        }
        return Base64.getEncoder().encodeToString(RawString.encode(block.toString()));
    }

    /**
     * What the operator should know before this command starts. Reads the file system.
     *
     * @param start where it starts; {@code null} if it inherits the directory
     * @return a text for each link that was re-pointed while the command still names what it led to
     * @throws IOException if what it led to is gone, or a jar of the command line: the text also names that
     */
    synchronized List<String> warnings(ChildCommand command, @Nullable String start) throws IOException {
        find();
        Set<String> named = named(command, start);
        List<String> warnings = new ArrayList<>();
        for (ReleaseLink link : links) {
            Optional<String> now = link.now();
            if (!now.equals(Optional.of(link.target())) && isNamed(link.target(), named)) {
                String where = Printable.of(link.link()) + ", which led to " + Printable.of(link.target())
                        + " at the start, "
                        + now.map(path -> "leads to " + Printable.of(path) + " now")
                                .orElse("leads nowhere now")
                        + ". The command line or the working directory of the service names the old path. "
                        + link.remedy();
                requireThere(link.target(), named, where);
                if (now.isPresent()) {
                    warnings.add("the new process runs the old release: " + where);
                }
            }
        }
        warnings.addAll(missing(named));
        return warnings;
    }

    private void requireThere(String target, Set<String> named, String where) throws IOException {
        List<String> paths = new ArrayList<>(List.of(target));
        named.stream()
                .filter(path -> path.endsWith(".jar") && isWithin(path, target) && existed.contains(path))
                .forEach(paths::add);
        for (String path : paths) {
            if (!exists(path)) {
                throw new IOException(Printable.of(path) + " is gone: " + where);
            }
        }
    }

    /** Releases may have different files: the command line then has names that only the old one has. */
    private List<String> missing(Set<String> named) {
        ReleaseLink known = directory.link();
        Optional<String> moved = known == null ? Optional.empty() : known.movedTo();
        if (known == null || moved.isEmpty()) {
            return List.of();
        }
        return named.stream()
                .filter(path -> isWithin(path, moved.get()) && !exists(path))
                .filter(path -> existed.contains(
                        known.target() + path.substring(moved.get().length())))
                .map(path -> "the new process does not find " + Printable.of(path) + ": " + Printable.of(known.link())
                        + " leads there now, and the old release has a file of that name. If the names of the files"
                        + " differ, let upgrades run the start script (ChildCommand.withStartScript)")
                .toList();
    }

    private static boolean isNamed(String target, Set<String> named) {
        return named.stream().anyMatch(path -> isWithin(path, target));
    }

    private static boolean isWithin(String path, String directory) {
        return path.startsWith(directory)
                && (path.length() == directory.length() || path.charAt(directory.length()) == '/');
    }

    /** The absolute paths by which code is found. */
    private static Set<String> named(ChildCommand command, @Nullable String directory) {
        Set<String> named = new LinkedHashSet<>();
        List<String> words = command.command();
        // the JDK is not part of a release, as a rule
        for (String word : JvmOptions.isJava(words) ? words.subList(1, words.size()) : words) {
            named.addAll(PathWords.absolute(word));
        }
        for (String name : PATH_VARIABLES) {
            named.addAll(PathWords.absolute(command.environment().getOrDefault(name, "")));
        }
        if (directory != null) {
            named.add(directory);
        }
        return named;
    }

    private static boolean exists(String path) {
        try {
            return Files.exists(Path.of(path));
        } catch (InvalidPathException e) {
            return false;
        }
    }
}
