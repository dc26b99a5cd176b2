package io.tableflip.core.log;

import static java.lang.System.Logger.Level.WARNING;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LogTest {
    private static final String PREFIX =
            "[generation 7, pid " + ProcessHandle.current().pid() + "] ";

    private final Logger logger = Logger.getLogger("io.tableflip");
    private final List<LogRecord> records = new ArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            records.add(entry);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void collect() {
        Log.identify(7);
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
    }

    @AfterEach
    void stop() {
        logger.removeHandler(handler);
        logger.setUseParentHandlers(true);
    }

    @Test
    void eachLineNamesItsProcess() {
        IOException problem = new IOException();
        Log.get().log(WARNING, "plain {0}");
        Log.get().log(WARNING, "with {0}", "an argument");
        Log.get().log(WARNING, "with an exception", problem);
        Log.get().log(WARNING, () -> "made when it is logged");
        assertEquals(
                List.of(
                        PREFIX + "plain {0}",
                        PREFIX + "with {0}",
                        PREFIX + "with an exception",
                        PREFIX + "made when it is logged"),
                records.stream().map(LogRecord::getMessage).toList());
        assertEquals("an argument", records.get(1).getParameters()[0]);
        assertEquals(problem, records.get(2).getThrown());
    }
}
