package io.tableflip.examples;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Calls a service again and again through somebody else's client, and forgives nothing: no call is tried twice, and one that fails
 * is printed and counted. For the clients of frameworks, which are to see an upgrade as their users do.
 *
 * <p>Each caller is a thread that waits for the end of a call before the next. {@link #run} ends with the standard input.
 */
public final class SteadyCalls {
    private static final Pattern GENERATION = Pattern.compile("generation (\\d+)");
    private static final long PAUSE_NANOS = 30_000_000;

    private final List<Thread> callers = new ArrayList<>();
    private final Map<String, Integer> counts = new TreeMap<>(); // guarded by this
    private final Map<Integer, Integer> generations = new TreeMap<>(); // guarded by this
    private final AtomicInteger failures = new AtomicInteger();
    private volatile boolean stopped;

    /** One call, from its beginning to its end. */
    @FunctionalInterface
    public interface Call {
        /** The whole answer, which says "generation N" somewhere. */
        String call() throws Exception;
    }

    /** Adds a caller. The kind of its calls is the name under which they are counted. */
    public SteadyCalls caller(String kind, Call call) {
        callers.add(new Thread(() -> repeat(kind, call), kind + "-" + callers.size()));
        return this;
    }

    /**
     * Calls until the standard input ends, and prints the counts. Beside, a line "first answer of generation N" as soon as there is one.
     *
     * @return the exit status: 0 if there were calls and none failed
     */
    public int run() throws IOException, InterruptedException {
        callers.forEach(Thread::start);
        while (System.in.read() >= 0) {
            // whoever started this says nothing but the end
        }
        stopped = true;
        for (Thread caller : callers) {
            caller.join();
        }
        synchronized (this) {
            int calls = counts.values().stream().mapToInt(Integer::intValue).sum();
            System.out.println(
                    "calls=" + calls + " failures=" + failures + " kinds=" + counts + " generations=" + generations);
            return calls > 0 && failures.get() == 0 ? 0 : 1;
        }
    }

    private void repeat(String kind, Call call) {
        while (!stopped) {
            try {
                count(kind, call.call());
            } catch (Exception e) {
                failures.incrementAndGet();
                System.out.println("failed: " + kind + ": " + withCauses(e));
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private synchronized void count(String kind, String answer) {
        Matcher matcher = GENERATION.matcher(answer);
        if (!matcher.find()) {
            throw new IllegalStateException("not an answer: " + answer);
        }
        int generation = Integer.parseInt(matcher.group(1));
        counts.merge(kind, 1, Integer::sum);
        if (generations.merge(generation, 1, Integer::sum) == 1) {
            System.out.println("first answer of generation " + generation);
        }
    }

    private static String withCauses(Throwable failure) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : ", because of ").append(cause);
        }
        return text.toString();
    }
}
