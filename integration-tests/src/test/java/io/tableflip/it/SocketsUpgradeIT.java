package io.tableflip.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.tableflip.testsupport.Tools;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of socket through twenty upgrades under traffic: each question, each datagram has its answer. */
@Tag("tools")
class SocketsUpgradeIT {
    private static final int UPGRADES = 5;
    private static final int PATIENCE_MILLIS = 20_000;

    @TempDir
    Path directory;

    @Test
    void everyQuestionIsAnsweredOverFiveUpgrades() throws Exception {
        Tools.assumeInstalled("socat");
        String name = "tableflip-" + directory.getFileName();
        InetSocketAddress group = freeAddress();
        try (Service service = Service.program(directory, directory, SocketsServer.class.getName())
                        .arguments(directory.toString(), Integer.toString(group.getPort()), name)
                        .startAndAwait();
                Traffic traffic = new Traffic()) {
            InetSocketAddress udp = new InetSocketAddress("127.0.0.1", port(service, "udp"));
            traffic.start("tcp", newConnection(service.address()));
            traffic.start("tcp v6", newConnection(new InetSocketAddress("::1", port(service, "v6"))));
            traffic.start("group", newConnection(group));
            traffic.start("udp one", new Udp(udp));
            traffic.start("udp two", new Udp(udp));
            traffic.start("unix", socat("UNIX-CONNECT:" + directory.resolve("stream.sock")));
            traffic.start("abstract", socat("ABSTRACT-CONNECT:" + name));
            traffic.start("gram", datagram());
            traffic.awaitAnswersOf(1);
            for (int generation = 2; generation <= UPGRADES + 1; generation++) {
                service.upgrade();
                traffic.awaitAnswersOf(generation);
            }
            traffic.assertNoneFailed();
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
            assertEquals(Set.of("log"), files(), "socket paths and the PID file are removed");
        }
    }

    private Set<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> !file.startsWith("client."))
                    .collect(Collectors.toSet());
        }
    }

    private static int port(Service service, String which) {
        Matcher matcher = Pattern.compile("; " + which + " (\\d+);").matcher(service.log());
        if (!matcher.find()) {
            throw new AssertionError(which + " in " + service.log());
        }
        return Integer.parseInt(matcher.group(1));
    }

    private static InetSocketAddress freeAddress() throws IOException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress("127.0.0.1", 0));
            return (InetSocketAddress) socket.getLocalSocketAddress();
        }
    }

    private static Traffic.Question newConnection(InetSocketAddress address) {
        return question -> {
            try (Socket socket = new Socket()) {
                socket.setSoTimeout(PATIENCE_MILLIS);
                socket.connect(address, PATIENCE_MILLIS);
                socket.getOutputStream().write((question + "\n").getBytes(UTF_8));
                return line(new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8)));
            }
        };
    }

    private static String line(BufferedReader reader) throws IOException {
        String line = reader.readLine();
        if (line == null) {
            throw new IOException("end of the stream instead of an answer");
        }
        return line;
    }

    /** Reads until the server closes the connection. */
    private static Traffic.Question socat(String address) {
        return question ->
                converse(question + "\n", "socat", "-t20", "-", address).strip();
    }

    /** Ends as soon as there is one answer. */
    private Traffic.Question datagram() {
        Path client = directory.resolve("client.sock");
        return question -> converse(
                question,
                "socat",
                "-t20",
                "-,ignoreeof",
                "UNIX-SENDTO:" + directory.resolve("gram.sock") + ",bind=" + client + ",unlink-early");
    }

    /** What the command prints in one piece. */
    private static String converse(String input, String... command) throws Exception {
        Process process = new ProcessBuilder(List.of(command))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            process.getOutputStream().write(input.getBytes(UTF_8));
            process.getOutputStream().flush();
            byte[] answer = new byte[1000];
            int count = process.getInputStream().read(answer);
            return new String(answer, 0, Math.max(count, 0), UTF_8);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** One datagram, and its one answer. */
    private static final class Udp implements Traffic.Question {
        private final DatagramSocket socket = new DatagramSocket();

        Udp(InetSocketAddress server) throws IOException {
            socket.connect(server);
            socket.setSoTimeout(PATIENCE_MILLIS);
        }

        @Override
        public String ask(String question) throws IOException {
            byte[] bytes = question.getBytes(UTF_8);
            socket.send(new DatagramPacket(bytes, bytes.length));
            DatagramPacket answer = new DatagramPacket(new byte[1000], 1000);
            try {
                socket.receive(answer);
            } catch (SocketTimeoutException e) {
                throw new IOException("no answer to " + question, e);
            }
            return new String(answer.getData(), 0, answer.getLength(), UTF_8);
        }

        @Override
        public void close() {
            socket.close();
        }
    }
}
