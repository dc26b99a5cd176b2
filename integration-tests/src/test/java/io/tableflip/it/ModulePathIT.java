package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of the README as a module, with all that it needs on the module path. */
@Tag("jdk")
class ModulePathIT {
    @TempDir
    Path directory;

    @Test
    void theProgramOfTheReadmeAsAModule() throws IOException {
        String jars = Arrays.stream(Files.readString(Markdown.project("integration-tests/hello/target/class-path"))
                        .strip()
                        .split(File.pathSeparator))
                .collect(Collectors.joining(File.pathSeparator));
        assumeTrue(jars.contains("netty-codec-base"), "the program names classes that Netty 4.1 does not have");
        int port;
        try (ServerSocket reserved = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = reserved.getLocalPort();
        }
        Path sources = Files.createDirectories(directory.resolve("sources/hello"));
        Files.writeString(
                sources.resolve("Hello.java"),
                "package hello;\n" + Markdown.read("README.md").block("java").replace("8080", Integer.toString(port)));
        Files.writeString(
                directory.resolve("sources/module-info.java"),
                "module hello { requires io.tableflip.netty; requires io.netty.codec.http; requires io.netty.codec;"
                        + " requires io.netty.transport.classes.epoll; }");
        compile(jars);
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        try (Service service = Service.command(
                        directory,
                        Service.java(),
                        "-p",
                        directory.resolve("classes") + File.pathSeparator + jars,
                        "--add-modules",
                        System.getProperty("os.arch").equals("aarch64")
                                ? "io.netty.transport.epoll.linux.aarch_64"
                                : "io.netty.transport.epoll.linux.x86_64",
                        "-m",
                        "hello/hello.Hello",
                        "service.pid")
                .startAndAwait()) {
            assertTrue(Http.get(address, "/").endsWith("Hello from process " + service.pid() + "\n"));
            service.upgrade();
            assertTrue(Http.get(address, "/").endsWith("Hello from process " + service.pid() + "\n"));
            service.signal("TERM", service.pid());
            service.awaitProcesses(0);
        }
    }

    private void compile(String jars) {
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        int status = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        messages,
                        messages,
                        "-p",
                        jars,
                        "-d",
                        directory.resolve("classes").toString(),
                        directory.resolve("sources/module-info.java").toString(),
                        directory.resolve("sources/hello/Hello.java").toString());
        assertEquals(0, status, messages::toString);
    }
}
