package io.tableflip.it;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.function.LongSupplier;

/** A clock for several processes: the system's, and what a test has let pass beyond that, which stands in a file that they share. */
final class SharedClock implements LongSupplier {
    private final MappedByteBuffer ahead;

    SharedClock(Path file) throws IOException {
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
            ahead = channel.map(FileChannel.MapMode.READ_WRITE, 0, Long.BYTES);
        }
    }

    @Override
    public long getAsLong() {
        return System.nanoTime() + ahead.getLong(0); // the system's is the same for all processes
    }

    /** Lets time pass, for all at once. Only one process may do so. */
    void advance(Duration time) {
        ahead.putLong(0, ahead.getLong(0) + time.toNanos());
    }
}
