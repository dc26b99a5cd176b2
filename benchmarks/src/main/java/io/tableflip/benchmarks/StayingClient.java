package io.tableflip.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@link StayingClients} in a process of their own, which does what the lines on its standard input say, and
 * answers each with a line: {@code begin PORT KIND=NUMBER...} connects, {@code open} answers with the number
 * of connections that are left, {@code end FILE} writes a {@link StayingRecord}.
 */
final class StayingClient {
    private @Nullable StayingClients clients;

    private StayingClient() {}

    public static void main(String[] arguments) throws IOException {
        StayingClient client = new StayingClient();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            System.out.println("done " + client.obey(line.split(" ")));
        }
    }

    private String obey(String[] words) throws IOException {
        switch (words[0]) {
            case "begin" -> {
                System.gc(); // so that it need not be while it counts
                int port = Integer.parseInt(words[1]);
                clients = StayingClients.connect(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), port), numbers(words));
                return "";
            }
            case "open" -> {
                return Long.toString(present().open());
            }
            case "end" -> {
                try (StayingClients ending = present()) {
                    ending.end().write(Path.of(words[1]));
                }
                clients = null;
                return "";
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private StayingClients present() {
        StayingClients present = clients;
        if (present == null) {
            throw new IllegalStateException("before begin");
        }
        return present;
    }

    private static Map<StayingKind, Integer> numbers(String[] words) {
        Map<StayingKind, Integer> numbers = new EnumMap<>(StayingKind.class);
        for (int i = 2; i < words.length; i++) {
            String[] parts = words[i].split("=", -1);
            numbers.put(StayingKind.valueOf(parts[0]), Integer.valueOf(parts[1]));
        }
        return numbers;
    }
}
