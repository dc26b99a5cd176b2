package io.tableflip.examples.springwebflux;

import static org.springframework.web.reactive.function.server.RequestPredicates.GET;
import static org.springframework.web.reactive.function.server.RouterFunctions.route;

import io.tableflip.core.Upgrader;
import io.tableflip.examples.reactornetty.DrainHandlers;
import io.tableflip.examples.reactornetty.UpgradableLoops;
import io.tableflip.netty.BindSpec;
import io.tableflip.netty.DrainPolicy;
import io.tableflip.netty.UpgradableServers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.springframework.boot.Banner;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.reactor.netty.NettyServerCustomizer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.MediaType;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Flux;

/** A Spring Boot server that replaces itself on SIGHUP. Arguments: host, port, PID file, and a file with the greeting. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class SpringWebFluxExample {
    /** So many lines make a whole streamed answer. */
    static final int STREAMED = 30;

    public static void main(String[] args) throws Exception {
        InetSocketAddress address = new InetSocketAddress(args[0], Integer.parseInt(args[1]));
        // Before Spring: from here on a SIGHUP is answered, and does not end the JVM.
        try (Upgrader upgrader = Upgrader.builder()
                .pidFile(Path.of(args[2]))
                .upgradeOn("HUP")
                .stopOn("TERM", "INT")
                .build()) {
            try {
                serve(upgrader, address, Path.of(args[3]));
            } catch (IOException | RuntimeException e) {
                upgrader.reportFailure(e); // the old process says why it goes on
                throw e;
            }
        }
    }

    private static void serve(Upgrader upgrader, InetSocketAddress address, Path config)
            throws IOException, InterruptedException {
        String greeting = Files.readString(config).strip() + " of generation " + upgrader.generation() + "\n";
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(SpringWebFluxExample.class)
                .bannerMode(Banner.Mode.OFF)
                .properties(Map.of("server.address", address.getHostString(), "server.port", address.getPort()))
                .initializers(starting -> {
                    // singletons, since Spring must not close the upgrader
                    starting.getBeanFactory().registerSingleton("upgrader", upgrader);
                    starting.getBeanFactory().registerSingleton("listen", address);
                    starting.getBeanFactory().registerSingleton("greeting", greeting);
                })
                .run()) { // bound, but gated
            upgrader.ready(); // opens the gate; an upgraded process takes over from its parent
            System.out.println("listening on " + address.getHostString() + ":"
                    + context.getEnvironment().getRequiredProperty("local.server.port"));
            upgrader.awaitExit(); // upgraded or stopped, and drained; Spring's own shutdown could not be rolled back
        }
    }

    @Bean
    ReactorResourceFactory reactorResourceFactory(Upgrader upgrader, InetSocketAddress listen) {
        ReactorResourceFactory resources = new ReactorResourceFactory();
        resources.setUseGlobalResources(false);
        resources.setShutdownQuietPeriod(Duration.ZERO);
        resources.setLoopResourcesSupplier(() -> new UpgradableLoops(
                UpgradableServers.of(upgrader).factory(BindSpec.of(listen).drain(DrainPolicy.TRANSFER))));
        return resources;
    }

    /** Tells each client when it is time to leave. */
    @Bean
    NettyServerCustomizer drain() {
        return server -> server.doOnChannelInit(new DrainHandlers());
    }

    @Bean
    RouterFunction<ServerResponse> routes(String greeting) {
        Flux<String> stream =
                Flux.range(0, STREAMED).delayElements(Duration.ofMillis(50)).map(line -> greeting);
        return route(GET("/"), request -> ServerResponse.ok().bodyValue(greeting))
                .andRoute(
                        GET("/stream"),
                        request -> ServerResponse.ok()
                                .contentType(MediaType.TEXT_PLAIN)
                                .body(stream, String.class));
    }
}
