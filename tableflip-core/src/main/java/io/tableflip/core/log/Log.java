package io.tableflip.core.log;

import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * The log of this library, {@code io.tableflip}. Each line begins with the generation and the id of this
 * process: during an upgrade two processes write to the same place. Thread-safe.
 */
public final class Log implements System.Logger {
    private static final Log INSTANCE = new Log(System.getLogger("io.tableflip"));

    private final System.Logger logger;
    /** The generation is not known before there is an upgrader. */
    private volatile String prefix = "[pid " + ProcessHandle.current().pid() + "] ";

    private Log(System.Logger logger) {
        this.logger = logger;
    }

    public static System.Logger get() {
        return INSTANCE;
    }

    /** The lines that follow name this generation. */
    public static void identify(int generation) {
        INSTANCE.prefix =
                "[generation " + generation + ", pid " + ProcessHandle.current().pid() + "] ";
    }

    @Override
    public String getName() {
        return logger.getName();
    }

    @Override
    public boolean isLoggable(Level level) {
        return logger.isLoggable(level);
    }

    @Override
    public void log(
            Level level, @Nullable ResourceBundle bundle, @Nullable String message, @Nullable Throwable thrown) {
        logger.log(level, bundle, prefix + message, thrown);
    }

    @Override
    public void log(
            Level level, @Nullable ResourceBundle bundle, @Nullable String format, @Nullable Object... arguments) {
        logger.log(level, bundle, prefix + format, arguments);
    }
}
