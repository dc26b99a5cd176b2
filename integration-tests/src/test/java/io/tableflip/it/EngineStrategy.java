package io.tableflip.it;

import java.net.URI;
import org.testcontainers.dockerclient.DockerClientProviderStrategy;
import org.testcontainers.dockerclient.TransportConfig;

/** How Testcontainers finds the engine that {@link ContainerEngine} has started; found itself in {@code META-INF/services}. */
public final class EngineStrategy extends DockerClientProviderStrategy {
    private static final int BEFORE_ALL_OTHERS = 1000;

    @Override
    public String getDescription() {
        return "the engine of the integration tests";
    }

    @Override
    public TransportConfig getTransportConfig() {
        return TransportConfig.builder()
                .dockerHost(
                        URI.create("unix://" + ContainerEngine.startedSocket().orElseThrow()))
                .build();
    }

    /** As it is, also where this JVM is in a container itself: no image is at hand with which to look for the address of the machine. */
    @Override
    public synchronized String getDockerHostIpAddress() {
        return "127.0.0.1";
    }

    @Override
    protected boolean isApplicable() {
        return ContainerEngine.startedSocket().isPresent();
    }

    /** Nothing is written into the home of whoever runs the tests. */
    @Override
    protected boolean isPersistable() {
        return false;
    }

    @Override
    protected int getPriority() {
        return BEFORE_ALL_OTHERS;
    }
}
