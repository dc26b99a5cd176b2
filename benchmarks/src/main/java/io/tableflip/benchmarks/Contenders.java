package io.tableflip.benchmarks;

import io.tableflip.testsupport.GoCompiler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Those that are compared under load: each as its users run it. */
final class Contenders {
    static final String OURS = "tableflip for Java";
    static final String OURS_NORMAL = "tableflip for Java, no idle boot";
    static final String OURS_COLD = "tableflip for Java, cold";
    static final String OURS_TRANSFER = "tableflip for Java, transfer";

    private static final Path JAVA = Path.of(System.getProperty("java.home"));

    /** Starts nginx and ends: as long as its first parent lives, nginx takes USR2 for a mistake. And a daemon would leave the session. */
    private static final List<String> ORPHAN =
            List.of("sh", "-c", "\"$@\" & while ! [ -s pid ]; do sleep 0.01; done", "sh");

    private Contenders() {}

    /** @param newDirectory for what has to be compiled */
    static List<Contender> all(Supplier<Path> newDirectory) {
        return List.of(
                ours(OURS),
                ours(OURS_NORMAL, "--idle-boot", "0s"),
                ours(OURS_COLD, "--idle-boot", "0s", "--warm-up", "0s", "--spread", "0s"),
                go(newDirectory),
                nginx("nginx, HUP", true, server -> server.signal("HUP", server.lastStarted())),
                nginx("nginx, USR2 and QUIT", false, Contenders::replaceNginx),
                haproxy("HAProxy, master-worker", true, List.of("-W"), Contenders::reloadHaproxy),
                haproxy("HAProxy, -x -sf", false, List.of("-db"), Contenders::replaceHaproxy),
                reusePort());
    }

    /**
     * Those that keep their listeners in an upgrade, with answers that have the {@link
     * StayingConnection#NUMBER} of their request. Ours transfers its connections.
     *
     * @param newDirectory for what has to be compiled
     */
    static List<Contender> numbered(Supplier<Path> newDirectory) {
        String number = StayingConnection.NUMBER;
        String nginx = "; add_header " + number + " $http_"
                + number.toLowerCase(Locale.ROOT).replace('-', '_');
        String haproxy = "\n    http-request set-var(txn.number) req.hdr(" + number + ")"
                + "\n    http-after-response set-header " + number + " %[var(txn.number)]";
        return List.of(
                transferring(),
                go(newDirectory),
                nginx("nginx, HUP", nginx, true, server -> server.signal("HUP", server.lastStarted())),
                nginx("nginx, USR2 and QUIT", nginx, false, Contenders::replaceNginx),
                haproxy("HAProxy, master-worker", haproxy, true, List.of("-W"), Contenders::reloadHaproxy),
                haproxy("HAProxy, -x -sf", haproxy, false, List.of("-db"), Contenders::replaceHaproxy));
    }

    private static Contender transferring() {
        Contender.Command command = server -> Program.java(
                JAVA,
                List.of(),
                TransferServer.class,
                List.of(
                        TransferServer.LISTEN,
                        server.address(),
                        TransferServer.PID_FILE,
                        "pid",
                        TransferServer.TRANSFER,
                        TransferServer.NUMBERED,
                        TransferServer.IDLE_BOOT));
        return new Contender(OURS_TRANSFER, null, command, Contenders::hangUp, false);
    }

    /**
     * The example server.
     *
     * @param options of the server, beside address and PID file
     */
    private static Contender ours(String name, String... options) {
        Contender.Command command = server -> {
            List<String> arguments = arguments(server);
            arguments.addAll(List.of(options));
            return Program.java(JAVA, List.of(), io.tableflip.examples.Main.class, arguments);
        };
        return new Contender(name, null, command, Contenders::hangUp, false);
    }

    private static List<String> arguments(ContenderServer server) {
        return new ArrayList<>(
                List.of("http", "--listen", server.address(), "--pid-file", "pid", "--connections", "drain"));
    }

    /** @param tls certificate and key, if it is to speak TLS */
    static Contender go(Supplier<Path> newDirectory, String... tls) {
        Path[] built = new Path[1];
        Contender.Command command = server -> {
            if (built[0] == null) {
                built[0] = GoProgram.build("httpserver", newDirectory.get());
            }
            List<String> words = new ArrayList<>(List.of(built[0].toString(), server.address(), "pid"));
            words.addAll(List.of(tls));
            return words;
        };
        return new Contender("Go's tableflip", GoCompiler.missing(), command, Contenders::hangUp, false);
    }

    static void hangUp(ContenderServer server) throws IOException, InterruptedException {
        server.signal("HUP", server.awaitPid("pid", pid -> !Processes.hasGone(pid)));
    }

    private static Contender nginx(String name, boolean stays, Contender.Upgrade upgrade) {
        return nginx(name, "", stays, upgrade);
    }

    /** @param tls what follows the address in {@code listen}, directives behind it included */
    static Contender nginx(String name, String tls, boolean stays, Contender.Upgrade upgrade) {
        @Nullable Path program = Machine.program("nginx").orElse(null);
        Contender.Command command = server -> {
            Path directory = server.directory();
            Files.writeString(directory.resolve("nginx.conf"), """
                    daemon off;
                    worker_processes auto;
                    pid pid;
                    error_log error.log;
                    events {}
                    http {
                        access_log off;
                        client_body_temp_path body;
                        proxy_temp_path proxy;
                        fastcgi_temp_path fastcgi;
                        uwsgi_temp_path uwsgi;
                        scgi_temp_path scgi;
                        keepalive_requests 1000000000;
                        # an old worker ends, whatever a client has left open: no connection of the load is idle for so long
                        keepalive_timeout 20s;
                        client_header_timeout 20s;
                        # and what it keeps open itself: h2 whose handshake was under way when the worker was told to quit
                        # (seen with 1.22.1) gets no GOAWAY; no other connection of the load lives for so long
                        keepalive_time 15s;
                        default_type application/json;
                        server {
                            listen %s%s;
                            location / { return 200 '{"pid":$pid,"generation":0,"greeting":"hello"}\\n'; }
                        }
                    }
                    """.formatted(server.address(), tls));
            List<String> words = new ArrayList<>(stays ? List.of() : ORPHAN);
            words.addAll(List.of(
                    String.valueOf(program), "-e", "error.log", "-p", directory.toString() + "/", "-c", "nginx.conf"));
            return words;
        };
        return new Contender(name, program == null ? "not installed" : null, command, upgrade, stays);
    }

    /** A new master beside the old one, which is told to quit when workers of the new one answer: as nginx documents it. */
    static void replaceNginx(ContenderServer server) throws IOException, InterruptedException {
        long old = server.awaitPid("pid", pid -> !Processes.hasGone(pid));
        server.signal("USR2", old);
        long master = server.awaitPid("pid", pid -> pid != old);
        server.awaitAnswer("an answer of the new workers", pid -> Processes.isChildOf(pid, master));
        server.signal("QUIT", old);
    }

    private static Contender haproxy(String name, boolean stays, List<String> options, Contender.Upgrade upgrade) {
        return haproxy(name, "", stays, options, upgrade);
    }

    /** @param tls what follows the address in {@code bind} */
    static Contender haproxy(String name, String tls, boolean stays, List<String> options, Contender.Upgrade upgrade) {
        @Nullable Path program = Machine.program("haproxy").orElse(null);
        Contender.Command command = server -> {
            Files.writeString(server.directory().resolve("haproxy.cfg"), """
                    global
                        stats socket %s/stats mode 600 level admin expose-fd listeners
                    defaults
                        mode http
                        timeout client 60s
                        timeout connect 5s
                        timeout server 60s
                    frontend front
                        bind %s%s
                        http-request return status 200 content-type application/json lf-string "{\\"pid\\":%%pid,\\"generation\\":0,\\"greeting\\":\\"hello\\"}\\n"
                    """.formatted(
                            server.directory(), server.address(), tls));
            List<String> words = new ArrayList<>(List.of(String.valueOf(program), "-f", "haproxy.cfg"));
            words.addAll(options);
            return words;
        };
        return new Contender(name, program == null ? "not installed" : null, command, upgrade, stays);
    }

    static void reloadHaproxy(ContenderServer server) throws IOException {
        server.signal("USR2", server.lastStarted());
    }

    /** A new process takes the listeners from the old one through its socket, and tells it to finish. */
    static void replaceHaproxy(ContenderServer server) throws IOException, InterruptedException {
        server.launch(List.of(
                String.valueOf(Machine.program("haproxy").orElseThrow()),
                "-f",
                "haproxy.cfg",
                "-db",
                "-x",
                server.directory().resolve("stats").toString(),
                "-sf",
                Long.toString(server.lastStarted())));
    }

    /**
     * The practice that tableflip replaces: a second process listens at the same port, and the first one is told to stop when it answers.
     *
     * @param options of the server, beside these
     */
    static Contender reusePort(String... options) {
        Contender.Command command = server -> {
            List<String> arguments = new ArrayList<>(List.of("--listen", server.address(), "--reuse-port"));
            arguments.addAll(List.of(options));
            return Program.java(JAVA, List.of(), PlainServer.class, arguments);
        };
        Contender.Upgrade upgrade = server -> {
            long old = server.lastStarted();
            server.launch(command.of(server));
            long successor = server.lastStarted();
            server.awaitAnswer("an answer of the new process", pid -> pid == successor);
            server.signal("TERM", old);
        };
        return new Contender("Netty, SO_REUSEPORT", null, command, upgrade, false);
    }
}
