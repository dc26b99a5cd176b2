package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Clients that ask one question after the other, each on a thread of its own, until they are closed. Nobody asks twice. */
final class Traffic implements Closeable {
    private static final long THINK_NANOS = 20_000_000;

    private final List<Client> clients = new ArrayList<>();
    private volatile boolean over;

    /** Asks, and gives the answer: the generation, a blank, the question. */
    interface Question extends Closeable {
        String ask(String question) throws Exception;

        @Override
        default void close() throws IOException {}
    }

    private final class Client extends Thread {
        final Question question;
        final AtomicLong answered = new AtomicLong();
        final Set<Integer> generations = new ConcurrentSkipListSet<>();
        final List<String> failures = new CopyOnWriteArrayList<>();

        Client(String name, Question question) {
            super(name);
            this.question = question;
        }

        @Override
        public void run() {
            for (long i = 0; !over; i++) {
                try {
                    String asked = getName() + " " + i;
                    String answer = question.ask(asked);
                    if (!answer.endsWith(" " + asked)) {
                        throw new IllegalStateException("not the answer to " + asked + ": " + answer);
                    }
                    generations.add(Integer.parseInt(answer.substring(0, answer.indexOf(' '))));
                    answered.incrementAndGet();
                } catch (Exception e) {
                    failures.add(i + ": " + e);
                }
                LockSupport.parkNanos(THINK_NANOS);
            }
        }

        @Override
        public String toString() {
            return getName() + ": " + answered + " answered, by " + generations + ", failed " + failures.size() + " "
                    + failures.stream().limit(3).toList();
        }
    }

    void start(String name, Question question) {
        Client client = new Client(name, question);
        clients.add(client);
        client.start();
    }

    /** Waits until each has an answer of this generation. */
    void awaitAnswersOf(int generation) {
        for (Client client : clients) {
            Await.until(
                    client.getName() + " is answered by " + generation,
                    () -> client.generations.contains(generation),
                    this::toString);
        }
    }

    /** No question was left without its answer. */
    void assertNoneFailed() {
        stop();
        assertTrue(clients.stream().allMatch(client -> client.failures.isEmpty()), this::toString);
        System.out.println(this);
    }

    private void stop() {
        over = true;
        clients.forEach(client -> Await.until(client.getName() + " ends", () -> !client.isAlive(), this::toString));
    }

    @Override
    public void close() throws IOException {
        stop();
        for (Client client : clients) {
            client.question.close();
        }
    }

    @Override
    public String toString() {
        StringBuilder all = new StringBuilder();
        clients.forEach(client -> all.append(client).append('\n'));
        return all.toString();
    }
}
