package io.tableflip.core.launch;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import io.tableflip.core.os.ProcFs;
import io.tableflip.core.text.RawString;
import java.io.IOException;
import java.nio.charset.Charset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The variables that this process was started with. */
public final class OwnEnvironment {
    private static final System.Logger LOG = Log.get();

    /** What Java makes of bytes that it cannot decode. */
    private static final char REPLACEMENT = '\uFFFD';

    private OwnEnvironment() {}

    /**
     * Reads the variables. The kernel hides them from a process whose user may not read its program file, and
     * from one whose program file has capabilities; the JVM knows them there too.
     */
    public static Map<String, String> read(ProcFs proc) {
        try {
            return RawString.decodeVariables(proc.environment());
        } catch (IOException e) {
            LOG.log(DEBUG, "the environment of this process is the one that the JVM knows", e);
            return known(System.getenv(), charset());
        }
    }

    /** The one with which the JVM has decoded the variables: until JDK 17 the default charset. */
    private static Charset charset() {
        return Runtime.version().feature() < 18
                ? Charset.defaultCharset()
                : Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    }

    /** Makes raw strings of what the JVM has decoded. */
    static Map<String, String> known(Map<String, String> decoded, Charset charset) {
        List<String> incomplete = decoded.keySet().stream()
                .filter(name -> (name + decoded.get(name)).indexOf(REPLACEMENT) >= 0)
                .sorted()
                .toList();
        try {
            if (!incomplete.isEmpty()) {
                return ofProgram("cat");
            }
        } catch (IOException e) {
            LOG.log(
                    WARNING,
                    "environment variables {0} have bytes that are not {1}, and a new process gets them without these:"
                            + " /proc/self/environ cannot be read, and there is no program cat ({2}). Start the service"
                            + " in a UTF-8 locale",
                    incomplete,
                    charset,
                    e.getMessage());
        }
        Map<String, String> environment = new LinkedHashMap<>();
        decoded.forEach((name, value) -> environment.put(recode(name, charset), recode(value, charset)));
        return environment;
    }

    /** A program that this process starts has the same variables, byte by byte, and may read its own. */
    static Map<String, String> ofProgram(String cat) throws IOException {
        Process process = new ProcessBuilder(cat, "/proc/self/environ")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        process.getOutputStream().close();
        return RawString.decodeVariables(process.getInputStream().readAllBytes());
    }

    private static String recode(String text, Charset charset) {
        return RawString.decode(text.getBytes(charset));
    }
}
