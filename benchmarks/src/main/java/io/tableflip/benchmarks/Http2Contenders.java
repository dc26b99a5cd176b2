package io.tableflip.benchmarks;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Those of the {@link Contenders} that are compared under HTTP/2 over TLS. */
final class Http2Contenders {
    /** Each peer as it is for HTTP/1.1, beside what follows from the certificate. */
    private final Certificate certificate;

    private Http2Contenders(Certificate certificate) {
        this.certificate = certificate;
    }

    /**
     * All of them.
     *
     * @param warmUp how long, at most, a process of ours that is to warm up does so
     * @param newDirectory for what has to be compiled
     */
    static List<Contender> all(Certificate certificate, Duration warmUp, Supplier<Path> newDirectory) {
        Http2Contenders contenders = new Http2Contenders(certificate);
        String nginx = contenders.nginx();
        String haproxy = contenders.haproxy();
        return List.of(
                contenders.ours(
                        Contenders.OURS,
                        "--idle-boot",
                        "10000",
                        "--warm-up",
                        Long.toString(warmUp.toMillis()),
                        "--spread",
                        "500"),
                contenders.ours(Contenders.OURS_COLD),
                Contenders.go(
                        newDirectory,
                        certificate.chain().toString(),
                        certificate.key().toString()),
                Contenders.nginx("nginx, HUP", nginx, true, server -> server.signal("HUP", server.lastStarted())),
                Contenders.nginx("nginx, USR2 and QUIT", nginx, false, Contenders::replaceNginx),
                Contenders.haproxy("HAProxy, master-worker", haproxy, true, List.of("-W"), Contenders::reloadHaproxy),
                Contenders.haproxy("HAProxy, -x -sf", haproxy, false, List.of("-db"), Contenders::replaceHaproxy),
                Contenders.reusePort("--tls", certificate.keyStore().toString()));
    }

    private Contender ours(String name, String... options) {
        Contender.Command command = server -> {
            List<String> arguments = new ArrayList<>(List.of(
                    Integer.toString(server.port()),
                    "pid",
                    certificate.keyStore().toString()));
            arguments.addAll(List.of(options));
            return Program.java(Path.of(System.getProperty("java.home")), List.of(), SecureServer.class, arguments);
        };
        return new Contender(name, null, command, Contenders::hangUp, false);
    }

    private String nginx() {
        return " ssl http2;\n            ssl_certificate %s;\n            ssl_certificate_key %s"
                .formatted(certificate.chain(), certificate.key());
    }

    private String haproxy() {
        return " ssl crt %s alpn h2".formatted(certificate.both());
    }
}
