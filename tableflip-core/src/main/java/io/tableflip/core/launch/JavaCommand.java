package io.tableflip.core.launch;

import io.tableflip.core.ChildCommand;
import io.tableflip.core.os.Os;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.JvmOptions;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A command of {@code java}, which can be run as far as main to hear what its JVM has to say.
 *
 * @param executable its path
 * @param command its arguments and its variables, without those of this library
 * @param directory the working directory, or {@code null} for that of this process
 */
public record JavaCommand(
        String executable, ChildCommand command, @Nullable String directory) {
    /** What a JVM writes when it exits, and what takes memory: a run that ends before main must not. */
    private static final String[] WITHOUT = {
        "-XX:ArchiveClassesAtExit",
        "-XX:AutoCreateSharedArchive",
        "-XX:AOTCacheOutput",
        "-XX:AOTConfiguration",
        "-XX:AOTMode",
        "-XX:StartFlightRecording",
        "-XX:AlwaysPreTouch"
    };

    /** The command of a request; empty if it is not of {@code java}. */
    public static Optional<JavaCommand> of(Os.SpawnRequest request) {
        return of(request.executable(), request.arguments(), request.environment(), request.directory());
    }

    /** What a process runs now; empty if that is not {@code java}, or cannot be told. */
    public static Optional<JavaCommand> running(ProcFs proc, long pid) {
        try {
            List<String> arguments = proc.arguments(pid); // first: by then, the rest is of the same program
            return of(proc.executable(pid), arguments, proc.environment(pid), proc.workingDirectory(pid));
        } catch (IOException e) {
            return Optional.empty(); // it has exited, or is not ours to look at
        }
    }

    private static Optional<JavaCommand> of(
            String executable, List<String> arguments, List<String> environment, @Nullable String directory) {
        if (arguments.isEmpty() || !JvmOptions.isJava(arguments) || isScript(executable)) {
            return Optional.empty();
        }
        Map<String, String> variables = RawString.variables(environment);
        variables.keySet().removeIf(Launcher::isOwn);
        return Optional.of(new JavaCommand(executable, new ChildCommand(arguments, variables), directory));
    }

    /**
     * A script of that name might ignore the option, and run the program. One that cannot be read is none.
     */
    private static boolean isScript(String executable) {
        try (InputStream file = Files.newInputStream(Path.of(executable))) {
            return file.read() == '#';
        } catch (IOException | InvalidPathException e) {
            return false;
        }
    }

    /**
     * The same, but it ends before main.
     *
     * @param output a descriptor for all that it prints
     */
    public Os.SpawnRequest dryRun(int output) {
        ChildCommand harmless = command.withoutJvmOptions(WITHOUT);
        List<String> arguments = new ArrayList<>(harmless.command());
        arguments.add(1, "--dry-run");
        List<String> environment = new ArrayList<>();
        harmless.environment().forEach((name, value) -> environment.add(name + "=" + value));
        return new Os.SpawnRequest(executable, arguments, environment, directory, List.of(), output);
    }
}
