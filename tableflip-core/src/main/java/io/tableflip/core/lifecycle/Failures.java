package io.tableflip.core.lifecycle;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
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

    /**
     * The message for people, or the class if there is none; and the innermost cause, unless the message has
     * it already.
     */
    static String message(Throwable failure) {
        Throwable outer = unwrap(failure);
        String message = text(outer);
        Throwable inner = innermost(outer);
        return message.contains(lastPart(text(inner))) ? message : message + ", caused by " + inner;
    }

    /**
     * "Address already in use" of "bind(..) failed: Address already in use", as often repeated in other
     * words.
     */
    private static String lastPart(String text) {
        String last = text.substring(text.lastIndexOf(": ") + 1).strip();
        return last.isEmpty() ? text : last;
    }

    private static String text(Throwable failure) {
        String message = failure.getMessage();
        return message == null ? failure.toString() : message;
    }

    private static Throwable innermost(Throwable failure) {
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Throwable inner = failure;
        while (inner.getCause() != null && seen.add(inner)) {
            inner = inner.getCause();
        }
        return inner;
    }
}
