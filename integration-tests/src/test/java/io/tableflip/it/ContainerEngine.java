package io.tableflip.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.NotFoundException;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Tools;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.images.builder.ImageFromDockerfile;

/**
 * A container engine with an image of the HTTP example: the engine of this machine, or one that is started for the tests ({@code
 * docker/engine.sh} beside the sources) and goes away with them, and with this JVM. The image is made of what this machine has, no
 * registry is asked.
 */
final class ContainerEngine implements AutoCloseable {
    private static final String SCRIPTS = "integration-tests/src/test/docker/";
    private static final Path MACHINES = Path.of("/var/run/docker.sock");

    /** What the Dockerfile copies. */
    private static final List<String> COPIED = List.of(
            "tableflip-core/src/main/resources/io/tableflip/core/tableflip-launcher.sh",
            "examples/target/tableflip-examples.jar");

    private static volatile @Nullable Path started;

    private final Path directory;
    private final @Nullable Process engine;
    private final String base = "tableflip-test-base:" + UUID.randomUUID();
    private final String example = "tableflip-test-example:" + UUID.randomUUID();

    private ContainerEngine(Path directory, @Nullable Process engine) {
        this.directory = directory;
        this.engine = engine;
    }

    /** Skips the tests where no engine runs, or no image can be made of what there is. */
    static ContainerEngine start() throws IOException {
        Tools.assumeInstalled("busybox");
        Path directory = Files.createTempDirectory("tableflip-engine"); // a short path: the name of a socket is
        ContainerEngine containers = new ContainerEngine(directory, machinesIsThere() ? null : own(directory));
        try {
            containers.buildBase();
            containers.buildExample();
            return containers;
        } catch (IOException | RuntimeException | AssertionError e) {
            containers.close();
            throw e;
        }
    }

    private static boolean machinesIsThere() {
        if (System.getenv("DOCKER_HOST") != null) {
            return true;
        }
        try (SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return socket.connect(UnixDomainSocketAddress.of(MACHINES));
        } catch (IOException e) {
            return false; // there is none, or it is not ours to use
        }
    }

    private static Process own(Path directory) throws IOException {
        boolean isRoot = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        assumeTrue(isRoot, "no container engine runs here, and it takes root to start one");
        Tools.assumeInstalled("dockerd");
        Tools.assumeInstalled("iptables"); // or it does not start, though it is not to use it
        Path data = directory.resolve("engine");
        Process engine = new ProcessBuilder("sh", script("engine.sh"), data.toString())
                .redirectErrorStream(true)
                .start();
        BufferedReader output = engine.inputReader();
        String line = output.readLine();
        if (!"ready".equals(line)) {
            engine.getOutputStream().close(); // ends it, whatever it has said
            String more = String.join("\n", output.lines().toList());
            engine.onExit().join();
            Commands.run("rm", "-rf", directory.toString());
            assumeTrue(false, "no container engine can be started here: " + line + "\n" + more);
        }
        started = data.resolve("socket");
        return engine;
    }

    /** Of the engine that was started for the tests. */
    static Optional<Path> startedSocket() {
        return Optional.ofNullable(started);
    }

    private static String script(String name) {
        return Service.projectFile(SCRIPTS + name).toString();
    }

    private void buildBase() throws IOException {
        Path root = directory.resolve("base");
        Path archive = directory.resolve("base.tar");
        Commands.run("sh", script("base.sh"), System.getProperty("java.home"), root.toString());
        Commands.run("tar", "-C", root.toString(), "-cf", archive.toString(), ".");
        build(
                base,
                image -> image.withFileFromPath("base.tar", archive)
                        .withFileFromString("Dockerfile", "FROM scratch\nADD base.tar /\n"));
        Commands.run("rm", "-r", root.toString(), archive.toString());
    }

    /** By the example's own Dockerfile. */
    private void buildExample() {
        build(example, image -> {
            image.withBuildArg("BASE", base)
                    .withFileFromPath("Dockerfile", Service.projectFile("examples/docker/Dockerfile"));
            COPIED.forEach(path -> image.withFileFromPath(path, Service.projectFile(path)));
        });
    }

    private static void build(String name, Consumer<ImageFromDockerfile> content) {
        ImageFromDockerfile image = new ImageFromDockerfile(name, false);
        content.accept(image);
        image.get();
    }

    /** The image of the example. */
    String image() {
        return example;
    }

    /** Where programs find it. */
    URI host() {
        return DockerClientFactory.instance().getTransportConfig().getDockerHost();
    }

    @Override
    public void close() throws IOException {
        try {
            if (engine == null) { // one of its own takes all with it
                remove(example);
                remove(base);
            }
        } finally {
            if (engine != null) {
                started = null;
                engine.getOutputStream().close();
                engine.onExit().join();
            }
            Commands.run("rm", "-rf", directory.toString());
        }
    }

    private static void remove(String image) {
        DockerClient client = DockerClientFactory.instance().client();
        try {
            client.removeImageCmd(image).withForce(true).exec();
        } catch (NotFoundException e) {
            // it was not built
        }
    }
}
