package io.tableflip.benchmarks;

import java.util.concurrent.ThreadLocalRandom;

/** What a client does that never reconnects. */
enum StayingKind {
    /** Sends its next request shortly after each answer. */
    BUSY {
        @Override
        void begin(StayingConnection connection) {
            connection.send(PLAIN, 1);
        }

        @Override
        void answered(StayingConnection connection) {
            connection.later(PAUSE_MILLIS, () -> begin(connection));
        }
    },
    /** Asks for answers that take up to 200 ms, one after the other. */
    SLOW {
        @Override
        void begin(StayingConnection connection) {
            connection.send("/slow?ms=" + ThreadLocalRandom.current().nextInt(LONGEST_ANSWER_MILLIS + 1), 1);
        }

        @Override
        void answered(StayingConnection connection) {
            begin(connection);
        }
    },
    /** Sends requests in batches, whether or not the ones before are answered. */
    PIPELINING {
        @Override
        void begin(StayingConnection connection) {
            if (connection.unanswered() < MOST_PIPELINED) {
                connection.send(PLAIN, BATCH);
            }
            connection.later(PAUSE_MILLIS, () -> begin(connection));
        }
    },
    /** Sends heads in two parts, with half a second between them. */
    HALVES {
        @Override
        void begin(StayingConnection connection) {
            connection.sendInHalves(PLAIN, HALVES_APART_MILLIS);
        }

        @Override
        void answered(StayingConnection connection) {
            connection.later(PAUSE_MILLIS, () -> begin(connection));
        }
    },
    /** Does nothing until the end, when it sends a request. */
    IDLE {
        @Override
        void end(StayingConnection connection) {
            connection.send(PLAIN, 1);
        }
    };

    static final int LONGEST_ANSWER_MILLIS = 200;

    private static final String PLAIN = "/";
    private static final int PAUSE_MILLIS = 10;
    private static final int HALVES_APART_MILLIS = 500;
    private static final int BATCH = 3;
    private static final int MOST_PIPELINED = 12;

    /** All clients have had one answer. */
    void begin(StayingConnection connection) {}

    /** It has got an answer since. */
    void answered(StayingConnection connection) {}

    /** Nothing is sent behind this. */
    void end(StayingConnection connection) {}
}
