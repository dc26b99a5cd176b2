package io.tableflip.it;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.tableflip.core.DrainReport;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.WarmUp;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs in the documentation compile and do what they should. */
class ReadmeIT {
    @TempDir
    Path directory;

    /** With the dependencies that the README names, and nothing else; its module is what shows that it compiles with them. */
    @Test
    void theProgramOfTheReadme() throws IOException {
        assumeTrue(hasNetty42(), "the program names MultiThreadIoEventLoopGroup, which Netty 4.1 does not have");
        String dependencies = Files.readString(Markdown.project("integration-tests/hello/target/class-path"));
        int port = freePort();
        compile("Hello", Markdown.read("README.md").block("java").replace("8080", Integer.toString(port)));
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        try (Service service = Service.command(
                        directory, Service.java(), "-cp", directory + ":" + dependencies, "Hello", "service.pid")
                .startAndAwait()) {
            assertTrue(Http.get(address, "/").endsWith("Hello from process " + service.pid() + "\n"));
            service.upgrade();
            assertTrue(Http.get(address, "/").endsWith("Hello from process " + service.pid() + "\n"));
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
        }
    }

    /** Compiles, and counts what it hears. */
    @Test
    void theMetricsOfTheDocs() throws Exception {
        compile("UpgradeMetrics", Markdown.read("docs/observability.md").block("java"));
        MeterRegistry registry = new SimpleMeterRegistry();
        try (URLClassLoader loader = new URLClassLoader(
                new URL[] {directory.toUri().toURL()}, getClass().getClassLoader())) {
            Constructor<?> constructor = loader.loadClass("UpgradeMetrics").getDeclaredConstructor(MeterRegistry.class);
            constructor.setAccessible(true);
            LifecycleListener metrics = (LifecycleListener) constructor.newInstance(registry);
            metrics.committed(5);
            metrics.drained(DrainReport.builder().finished(40).forced(2).build());
        }
        assertEquals(
                1, registry.get("upgrades").tag("result", "upgraded").counter().count());
        assertEquals(
                40,
                registry.get("drained.connections")
                        .tag("how", "finished")
                        .counter()
                        .count());
        assertEquals(1, registry.get("drain").timer().count());
    }

    /** Compiles, and sends requests through a handler. */
    @Tag("slow")
    @Test
    void theWarmUpOfTheDocs() throws Exception {
        compile("Warm", """
                import io.netty.bootstrap.ServerBootstrap;
                import io.netty.handler.codec.http.*;
                import io.tableflip.core.WarmUp;
                import io.tableflip.netty.warmup.LoopbackWarmUp;

                public class Warm {
                    public %s}
                """.formatted(Markdown.read("docs/startup.md").block("java", "## A warm start")));
        AtomicInteger requests = new AtomicInteger();
        EventLoopGroup loops = PlannedServer.loops();
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops).childHandler(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new HttpServerCodec(), new SimpleChannelInboundHandler<HttpRequest>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext ctx, HttpRequest request) {
                        requests.incrementAndGet();
                        DefaultFullHttpResponse response =
                                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
                        HttpUtil.setContentLength(response, 0);
                        ctx.writeAndFlush(response);
                    }
                });
            }
        });
        try (URLClassLoader loader = new URLClassLoader(
                new URL[] {directory.toUri().toURL()}, getClass().getClassLoader())) {
            Method method = loader.loadClass("Warm").getMethod("warmUp", ServerBootstrap.class);
            ((WarmUp) requireNonNull(method.invoke(null, bootstrap))).run();
        } finally {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS);
        }
        assertTrue(requests.get() > 100 && requests.get() <= 20_000, () -> requests + " requests");
    }

    @Test
    void theRecipeForServiceDiscovery() throws Exception {
        compile("Leaving", """
                import io.tableflip.core.ExitReason;
                import io.tableflip.core.Upgrader;

                public class Leaving {
                    public %s}
                """.formatted(Markdown.read("docs/pitfalls.md").block("java")));
    }

    @Test
    void whatApplicationsDoWithTransferredConnections() throws Exception {
        Markdown page = Markdown.read("docs/connections.md");
        compile("Session", page.block("java", "## The events"));
        compile("Initializer", page.block("java", "## A protocol of your own"));
        compile("Bind", """
                import io.netty.channel.ChannelPipeline;
                import io.netty.handler.codec.http.HttpServerCodec;
                import io.tableflip.netty.BindSpec;
                import io.tableflip.netty.DrainPolicy;
                import io.tableflip.netty.http.HttpDrainHandler;
                import io.tableflip.netty.transfer.HttpTransferHandler;
                import java.net.InetSocketAddress;

                class Bind {
                    static BindSpec bind(InetSocketAddress address, ChannelPipeline pipeline) {
                        %s        return spec;
                    }
                }
                """.formatted(page.block("java", "## The three lines")));
    }

    private static boolean hasNetty42() {
        try {
            Class.forName("io.netty.channel.MultiThreadIoEventLoopGroup");
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    private void compile(String name, String program) throws IOException {
        Path source = directory.resolve(name + ".java");
        Files.writeString(source, program);
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        int status = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        messages,
                        messages,
                        List.of(
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        "-d",
                                        directory.toString(),
                                        source.toString())
                                .toArray(String[]::new));
        assertEquals(0, status, messages::toString);
    }

    private static int freePort() throws IOException {
        try (ServerSocket reserved = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return reserved.getLocalPort();
        }
    }
}
