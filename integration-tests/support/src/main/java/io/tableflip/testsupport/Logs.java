package io.tableflip.testsupport;

import java.text.MessageFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * Collects what the library logs, without the process that each line begins with, and keeps it from the
 * console.
 */
public final class Logs extends Handler implements AutoCloseable {
    private final Logger logger = Logger.getLogger("io.tableflip");
    private final List<String> lines = new CopyOnWriteArrayList<>();

    public Logs() {
        logger.setUseParentHandlers(false);
        logger.setLevel(Level.ALL);
        logger.addHandler(this);
    }

    @Override
    public void publish(LogRecord entry) {
        Object[] parameters = entry.getParameters();
        String text = parameters == null || parameters.length == 0
                ? entry.getMessage()
                : MessageFormat.format(entry.getMessage(), parameters);
        Throwable thrown = entry.getThrown();
        text = text.replaceFirst("^\\[(generation \\d+, )?pid \\d+] ", "");
        lines.add(entry.getLevel() + " " + text + (thrown == null ? "" : ": " + thrown));
    }

    public boolean has(String part) {
        return count(part) > 0;
    }

    public long count(String part) {
        return lines.stream().filter(line -> line.contains(part)).count();
    }

    @Override
    public String toString() {
        return String.join("\n", lines);
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        logger.removeHandler(this);
        logger.setLevel(null);
        logger.setUseParentHandlers(true);
    }
}
