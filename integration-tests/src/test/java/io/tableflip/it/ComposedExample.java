package io.tableflip.it;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;

/** What {@code examples/docker/docker-compose.yaml} makes of an image that is there already, through docker-compose(1). */
final class ComposedExample implements AutoCloseable {
    private final String project = "tableflip-" + UUID.randomUUID();
    private final InetSocketAddress address;
    private final ContainerEngine engine;
    /** Files of settings. */
    private final List<Path> files;

    private ComposedExample(ContainerEngine engine, List<Path> files) throws IOException {
        this.engine = engine;
        this.files = files;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            address = new InetSocketAddress(free.getInetAddress(), free.getLocalPort());
        }
    }

    /** With files of settings besides that of the example. */
    static ComposedExample up(ContainerEngine engine, Path... settings) throws IOException {
        List<Path> files = new ArrayList<>(List.of(Service.projectFile("examples/docker/docker-compose.yaml")));
        files.addAll(List.of(settings));
        ComposedExample example = new ComposedExample(engine, files);
        try {
            example.compose("up", "--detach", "--no-build");
            example.awaitLog("is serving");
            return example;
        } catch (IOException | RuntimeException | AssertionError e) {
            example.close();
            throw e;
        }
    }

    InetSocketAddress address() {
        return address;
    }

    String log() {
        try {
            return compose("logs", "--no-color");
        } catch (IOException e) {
            return e.toString();
        }
    }

    void awaitLog(String regex) {
        Pattern pattern = Pattern.compile(regex);
        Await.until("in the log: " + regex, () -> pattern.matcher(log()).find(), this::log);
    }

    /** Runs a command of docker-compose to its good end. */
    String compose(String... command) throws IOException {
        List<String> words = new ArrayList<>(List.of("docker-compose", "--project-name", project));
        files.forEach(file -> words.addAll(List.of("--file", file.toString())));
        words.addAll(List.of(command));
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.environment().put("HELLO_PORT", Integer.toString(address.getPort()));
        builder.environment().put("HELLO_IMAGE", engine.image());
        builder.environment().put("DOCKER_HOST", engine.host().toString());
        return Commands.output(builder);
    }

    @Override
    public void close() throws IOException {
        compose("down");
    }
}
