package io.tableflip.benchmarks;

import io.tableflip.examples.StrictLoad;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The client, a process of its own that does what the lines on its standard input say, and answers each with a line: {@code warm PORT KEPT FRESH MILLIS} sends for so
 * long and forgets it, {@code begin PORT KEPT FRESH} sends until {@code end FILE}, which writes a {@link LoadRecord}.
 */
final class LoadClient {
    static final int CONNECTIONS = 32;

    private @Nullable StrictLoad load;

    private LoadClient() {}

    public static void main(String[] arguments) throws IOException {
        LoadClient client = new LoadClient();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            int blank = line.indexOf(' ');
            client.obey(line.substring(0, blank), line.substring(blank + 1));
            System.out.println("done");
        }
    }

    private void obey(String command, String operands) throws IOException {
        switch (command) {
            case "warm" -> {
                String[] words = operands.split(" ");
                Duration time = Duration.ofMillis(Long.parseLong(words[3]));
                try (StrictLoad warming = load(words).duration(time).start()) {
                    warming.await();
                }
                System.gc(); // so that it need not be while it counts
            }
            case "begin" -> load = load(operands.split(" ")).start();
            case "end" -> {
                StrictLoad ending = load;
                if (ending == null) {
                    throw new IllegalStateException("end before begin");
                }
                LoadRecord.of(ending.stop()).write(Path.of(operands));
                load = null;
            }
            default -> throw new IllegalArgumentException(command);
        }
    }

    private static StrictLoad.Builder load(String[] words) {
        int kept = Integer.parseInt(words[1]);
        int fresh = Integer.parseInt(words[2]);
        return StrictLoad.builder()
                .target(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(words[0])))
                .rate(kept + fresh)
                .newShare((double) fresh / (kept + fresh))
                .connections(CONNECTIONS)
                .withoutHelpers()
                .thinkTimes(Duration.ZERO);
    }
}
