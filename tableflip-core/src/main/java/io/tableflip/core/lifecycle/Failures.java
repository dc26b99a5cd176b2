package io.tableflip.core.lifecycle;

import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** What is behind an exception of a future. */
final class Failures {
    private Failures() {}

    /** The failure itself, without the exceptions in which futures wrap it. */
    static Throwable unwrap(Throwable failure) {
        Throwable cause = failure.getCause();
        boolean wrapper = failure instanceof CompletionException || failure instanceof ExecutionException;
        return wrapper && cause != null ? unwrap(cause) : failure;
    }

    /** The message for people; the class if there is none. */
    static String message(Throwable failure) {
        String message = unwrap(failure).getMessage();
        return message == null ? failure.toString() : message;
    }
}
