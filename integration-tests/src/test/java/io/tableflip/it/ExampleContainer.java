package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.ExposedPort;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Ports;
import com.github.dockerjava.api.model.RestartPolicy;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/** The HTTP example in a container that is as closed as the one of {@code examples/docker/docker-compose.yaml}. */
final class ExampleContainer implements AutoCloseable {
    static final int PORT = 8080;
    static final String DIRECTORY = "/run/hello";
    static final String USER = "10001";

    /** What a stop may take: as {@code stop_grace_period} there. */
    private static final int STOP_SECONDS = 60;

    /** What the launcher starts. */
    private static final String[] JVM = {
        "java",
        "-XX:MaxRAMPercentage=33",
        "-Djava.io.tmpdir=" + DIRECTORY,
        "-jar",
        "/opt/hello/tableflip-examples.jar",
        "http",
        "--pid-file",
        DIRECTORY + "/pid"
    };

    /**
     * Those of the image, and a process that would boot in the time that nobody else wants would wait for the
     * tests beside it.
     */
    private static final List<String> ARGUMENTS =
            List.of("--listen", "0.0.0.0:" + PORT, "--idle-boot", "0s", "--warm-up", "300ms");

    private final GenericContainer<?> container;

    private ExampleContainer(GenericContainer<?> container) {
        this.container = container;
    }

    /** How the container differs from that of the example. */
    static final class Builder {
        private final GenericContainer<?> container;
        private String tmpfs = "mode=0700,uid=" + USER + ",gid=" + USER + ",size=16m,exec";
        private boolean hasTmpfs = true;
        private long megabytes = 512;
        private boolean init;
        private boolean withLauncher = true;
        private RestartPolicy restart = RestartPolicy.noRestart();

        private Builder(ContainerEngine engine) {
            container = new GenericContainer<>(DockerImageName.parse(engine.image()))
                    .withCommand(ARGUMENTS.toArray(String[]::new))
                    .withImagePullPolicy(name -> false)
                    .withExposedPorts(PORT)
                    .withStartupTimeout(Await.LIMIT)
                    .waitingFor(Wait.forLogMessage(".*is serving.*", 1));
        }

        Builder arguments(String... more) {
            container.withCommand(
                    Stream.concat(ARGUMENTS.stream(), Stream.of(more)).toArray(String[]::new));
            return this;
        }

        Builder environment(String name, String value) {
            container.withEnv(name, value);
            return this;
        }

        Builder withoutTmpfs() {
            hasTmpfs = false;
            return this;
        }

        Builder tmpfsWithoutExec() {
            tmpfs = tmpfs.replace(",exec", "");
            return this;
        }

        Builder memory(long limit) {
            megabytes = limit;
            return this;
        }

        /** As {@code docker run --init}. */
        Builder init() {
            init = true;
            return this;
        }

        /** The JVM of the example is what the container waits for. */
        Builder withoutLauncher() {
            withLauncher = false;
            return this;
        }

        Builder restart(RestartPolicy policy) {
            restart = policy;
            return this;
        }

        ExampleContainer start() {
            container.withCreateContainerCmdModifier(command -> {
                configure(command.getHostConfig());
                if (!withLauncher) {
                    command.withEntrypoint(JVM);
                }
            });
            container.start();
            return new ExampleContainer(container);
        }

        private void configure(HostConfig host) {
            host.withReadonlyRootfs(true)
                    .withCapDrop(Capability.ALL)
                    .withSecurityOpts(List.of("no-new-privileges:true"))
                    .withInit(init)
                    .withMemory(megabytes << 20)
                    .withMemorySwap(megabytes << 20)
                    .withRestartPolicy(restart)
                    .withTmpFs(hasTmpfs ? Map.of(DIRECTORY, tmpfs) : Map.of());
        }
    }

    static Builder of(ContainerEngine engine) {
        return new Builder(engine);
    }

    private DockerClient client() {
        return container.getDockerClient();
    }

    InspectContainerResponse inspect() {
        return client().inspectContainerCmd(container.getContainerId()).exec();
    }

    InspectContainerResponse.ContainerState state() {
        return inspect().getState();
    }

    /** Where the port is published: another one after each start. */
    InetSocketAddress address() {
        Ports.Binding[] bindings =
                inspect().getNetworkSettings().getPorts().getBindings().get(ExposedPort.tcp(PORT));
        assertNotNull(bindings, this::log);
        return new InetSocketAddress(container.getHost(), Integer.parseInt(bindings[0].getHostPortSpec()));
    }

    String log() {
        return container.getLogs();
    }

    void awaitMatch(String regex) {
        Pattern pattern = Pattern.compile(regex);
        Await.until("in the log: " + regex, () -> pattern.matcher(log()).find(), this::log);
    }

    /** As {@code docker kill --signal}. */
    void signal(String name) {
        client().killContainerCmd(container.getContainerId()).withSignal(name).exec();
    }

    /** As {@code docker stop}; gives the status with which the container has ended. */
    long stop() {
        client().stopContainerCmd(container.getContainerId())
                .withTimeout(STOP_SECONDS)
                .exec();
        return state().getExitCodeLong();
    }

    /** Upgrades, and waits until the new process is the only one. */
    void upgrade() {
        long old = pid();
        signal("HUP");
        Await.until("another process than " + old + " is the service", () -> pid() != old, this::log);
        Await.until(
                "process " + old + " has gone", () -> processes().stream().noneMatch(p -> p.pid() == old), this::log);
    }

    /** The process that the PID file names. */
    long pid() {
        return Long.parseLong(run("cat", DIRECTORY + "/pid").strip());
    }

    /** What runs in the container. */
    record Listed(long pid, String user, String state, String command) {}

    List<Listed> processes() {
        return run("ps", "-o", "pid,user,stat,args")
                .lines()
                .skip(1)
                .map(line -> line.strip().split(" +", 4))
                .filter(words -> !words[3].startsWith("ps "))
                .map(words -> new Listed(Long.parseLong(words[0]), words[1], words[2], words[3]))
                .toList();
    }

    long jvms() {
        return processes().stream()
                .filter(process -> process.command().startsWith("java"))
                .count();
    }

    /** Runs a command in the container to its good end, and gives what it prints. */
    String run(String... command) {
        try {
            ExecResult result = container.execInContainer(command);
            assertEquals(0, result.getExitCode(), () -> result + "\n" + log());
            return result.getStdout();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Waits until it runs no more. */
    long awaitEnd() {
        Await.until("the end of the container", () -> !Boolean.TRUE.equals(state().getRunning()), this::log);
        return state().getExitCodeLong();
    }

    @Override
    public void close() {
        container.stop();
    }
}
