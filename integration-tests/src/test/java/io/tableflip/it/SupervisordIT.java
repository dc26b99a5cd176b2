package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Commands;
import io.tableflip.testsupport.Tools;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The program of docs/supervisors.md under a supervisord that has its files in the test's directory. */
@Tag("tools")
class SupervisordIT extends RestartedCases {
    @Override
    String supervisor() {
        return "supervisord";
    }

    @Override
    Service start(boolean withLauncher) throws IOException {
        return start(withLauncher, Tools.find("supervisord").toString());
    }

    private Service start(boolean withLauncher, String... supervisord) throws IOException {
        String program = documented("ini", "## supervisord", withLauncher)
                .replace("/var/log/hello.log", directory.resolve("log").toString());
        Files.writeString(configuration(), """
                [supervisord]
                nodaemon=true
                silent=true
                logfile=%1$s/supervisord.log
                pidfile=%1$s/supervisord.pid
                childlogdir=%1$s

                [unix_http_server]
                file=%1$s/socket

                [rpcinterface:supervisor]
                supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

                [supervisorctl]
                serverurl=unix://%1$s/socket

                """.formatted(directory) + program);
        return Service.command(directory, "-c", configuration().toString())
                .under(supervisord)
                .start();
    }

    private Path configuration() {
        return directory.resolve("supervisord.conf");
    }

    private ProcessBuilder control(String... words) {
        List<String> command =
                new ArrayList<>(List.of("supervisorctl", "-c", configuration().toString()));
        command.addAll(List.of(words));
        return new ProcessBuilder(command);
    }

    /** Its status is another one than 0 where the program does not run. */
    private String ask(String... words) throws IOException {
        Process process = control(words).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }

    @Override
    long supervised() throws IOException {
        return Long.parseLong(ask("pid", "hello"));
    }

    @Override
    void hangUp() throws IOException {
        Commands.output(control("signal", "HUP", "hello"));
    }

    @Override
    void stop() throws IOException {
        Commands.output(control("stop", "hello"));
    }

    private void awaitState(String state, Service service) throws IOException {
        Await.until(state, () -> ask("status", "hello").contains(state), service::log);
    }

    @Test
    void staysRunningOverUpgrades() throws Exception {
        try (Service service = serving(true)) {
            long launcher = supervised();
            awaitState("RUNNING", service);
            upgrade(service);
            upgrade(service);
            assertTrue(ask("status", "hello").matches("(?s).*RUNNING +pid " + launcher + ",.*"), service::log);
        }
    }

    /** By the status of the launcher. */
    @Test
    void aServiceThatIsStoppedByASignalIsNotStartedAgain() throws Exception {
        try (Service service = serving(true)) {
            awaitState("RUNNING", service);
            upgrade(service);
            service.signal("TERM", service.pid());
            awaitState("EXITED", service);
            service.awaitMatch("no process of the service is left, .* \\(status 0\\)");
            assertEquals(1, service.log().split("generation 1 \\(pid \\d+\\) is serving", -1).length - 1, service::log);
        }
    }

    /** Its process has the name of the interpreter then. */
    @Test
    void isKnownAsAModuleOfPythonToo() throws Exception {
        String python; // the one that has the module
        try (BufferedReader script = Files.newBufferedReader(Tools.find("supervisord"))) {
            python = script.readLine().replaceFirst("^#! *", "");
        }
        try (Service service = start(false, python, "-m", "supervisor.supervisord")) {
            service.awaitMatch("upgrades will be refused: supervisord \\(process "
                    + service.first().pid() + "\\)");
        }
    }
}
