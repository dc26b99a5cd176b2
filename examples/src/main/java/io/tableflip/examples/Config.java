package io.tableflip.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of the example: {@code greeting = some text}, with comments behind {@code #} on lines of their own.
 *
 * @param greeting what the server says
 */
record Config(String greeting) {
    private static final String DEFAULT_GREETING = "hello";

    /** Reads the file, or gives the defaults if there is none. */
    static Config read(@Nullable Path file) throws IOException, InvalidConfigException {
        if (file == null) {
            return new Config(DEFAULT_GREETING);
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (NoSuchFileException e) {
            throw new InvalidConfigException(file + ": no such file");
        }
        String greeting = DEFAULT_GREETING;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (!line.isEmpty() && !line.startsWith("#")) {
                greeting = greeting(line, file + ", line " + (i + 1));
            }
        }
        return new Config(greeting);
    }

    private static String greeting(String line, String where) throws InvalidConfigException {
        int equals = line.indexOf('=');
        if (equals < 0) {
            throw new InvalidConfigException(where + ": not of the form \"key = value\": " + line);
        }
        String key = line.substring(0, equals).strip();
        if (!key.equals("greeting")) {
            throw new InvalidConfigException(where + ": unknown key: " + key);
        }
        return line.substring(equals + 1).strip();
    }
}
