package io.tableflip.examples;

import java.util.Random;

/** When the next request is due and what it asks for. The same seed gives the same requests. Not thread-safe. */
final class LoadSchedule {
    private final LoadSettings settings;
    private final long start;
    private final Random random;
    private long sent;
    private long postponed;

    LoadSchedule(LoadSettings settings, long start) {
        this.settings = settings;
        this.start = start;
        this.random = new Random(settings.seed());
    }

    /** When the next request is to be sent, whatever became of those before: a slow server gets no less load. */
    long due() {
        return start + postponed + (long) (sent * (1e9 / settings.rate()));
    }

    /** Lets the next request be due now, if it was due before: all that follow come later, too. */
    void postponeTo(long now) {
        postponed += Math.max(0, now - due());
    }

    boolean hasNext() {
        return settings.duration() == null
                || due() - start < settings.duration().toNanos();
    }

    LoadRequest next() {
        long due = due();
        sent++;
        boolean onNewConnection = random.nextDouble() < settings.newShare();
        return new LoadRequest(kind(random.nextDouble()), onNewConnection, due);
    }

    private LoadRequest.Kind kind(double dice) {
        if (dice < settings.slowShare()) {
            return settings.slow();
        }
        return dice < settings.slowShare() + settings.streamShare() ? settings.stream() : settings.plain();
    }

    /** The time that a connection of this class stays idle now: up to a quarter less, so that they do not march in step. */
    long think(int connection) {
        long time = settings.thinkTimes()
                .get(connection % settings.thinkTimes().size())
                .toNanos();
        return (long) (time * (1 - random.nextDouble() / 4));
    }
}
