package io.tableflip.core.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.BindException;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class FailuresTest {
    private final BindException bind = new BindException("Address already in use");

    @Test
    void theInnermostCauseIsInTheMessage() {
        assertEquals(
                "cannot start, caused by java.net.BindException: Address already in use",
                Failures.message(new IllegalStateException(
                        "cannot start", new IllegalArgumentException("web server", new RuntimeException(bind)))));
        assertEquals(
                "cannot start, caused by java.lang.NullPointerException",
                Failures.message(new CompletionException(
                        new IllegalStateException("cannot start", new NullPointerException()))));
    }

    @Test
    void butNotTwice() {
        assertEquals("Address already in use", Failures.message(bind));
        assertEquals("java.net.BindException: Address already in use", Failures.message(new RuntimeException(bind)));
        assertEquals(
                "bind 0.0.0.0:80: Address already in use",
                Failures.message(new IllegalStateException(
                        "bind 0.0.0.0:80: Address already in use",
                        new BindException("bind(..) failed: Address already in use"))));
        assertEquals("java.lang.NullPointerException", Failures.message(new NullPointerException()));
    }

    @Test
    void causesThatGoRound() {
        Exception first = new Exception("first");
        first.initCause(new Exception("second", first));
        assertEquals("first", Failures.message(first));
    }
}
