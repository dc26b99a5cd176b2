package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import io.tableflip.core.State;
import io.tableflip.core.UpgraderMXBean;
import io.tableflip.testsupport.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.management.JMX;
import javax.management.MBeanServerConnection;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the JVM's own tools, and the command line, see of real processes. */
@Tag("slow")
@Tag("jdk")
class InstrumentsIT {
    @TempDir
    Path directory;

    @FunctionalInterface
    private interface Look {
        void at(UpgraderMXBean bean);
    }

    /** Over JMX, as a tool on the same machine does it: no port is open before. */
    @SuppressWarnings("BanJNDI") // the address is that of a process of this test
    private static void look(long pid, Look look) throws IOException {
        try {
            VirtualMachine machine = VirtualMachine.attach(Long.toString(pid));
            String address = machine.startLocalManagementAgent();
            machine.detach();
            try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address))) {
                MBeanServerConnection server = connector.getMBeanServerConnection();
                ObjectName name = new ObjectName("io.tableflip:type=Upgrader");
                Await.until("the bean is there", () -> isRegistered(server, name));
                look.at(JMX.newMXBeanProxy(server, name, UpgraderMXBean.class));
            }
        } catch (AttachNotSupportedException | MalformedObjectNameException e) {
            throw new IOException(e);
        }
    }

    private static boolean isRegistered(MBeanServerConnection server, ObjectName name) {
        try {
            return server.isRegistered(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void theBeanShowsAnUpgradeInBothProcesses() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "0", "--drain-timeout", "600000")
                .startAndAwait()) {
            long old = service.pid();
            look(old, bean -> {
                assertEquals(State.SERVING, bean.getState());
                assertEquals(1, bean.getGeneration());
                assertEquals(old, bean.getPid());
                assertEquals(0, bean.getParentPid());
                assertEquals("NONE", bean.getLastUpgradeResult());
                assertEquals(0, bean.getConnectionsDraining());
            });
            Path go = directory.resolve("go");
            CompletableFuture<String> slow = Http.start(service.address(), "/until?" + go);
            Http.get(service.address(), "/"); // the one before it has been accepted
            service.signal("HUP", old);
            service.awaitServing(2);
            service.awaitLog("is the service after"); // for the old process too
            long successor = service.pid();
            look(old, bean -> {
                Await.until("draining", () -> bean.getConnectionsDraining() == 1, service::log);
                assertEquals(State.LINGERING, bean.getState());
                awaitResult("UPGRADED", bean); // the bean hears of it a moment after the log
                assertEquals(successor, bean.getLastUpgradePid());
                assertTrue(bean.getLastUpgradeMillis() > 0);
                assertTrue(bean.getLastUpgradeTime() > 0);
            });
            look(successor, bean -> {
                assertEquals(2, bean.getGeneration());
                assertEquals(old, bean.getParentPid());
                assertTrue(bean.isParentRunning());
            });
            service.signal("HUP", successor);
            service.awaitLog("upgrade: requested and deferred");
            look(successor, bean -> {
                awaitResult("DEFERRED", bean);
                assertEquals(1, bean.getUpgradesRequested());
                assertTrue(
                        bean.getLastUpgradeMessage().contains("parent has not exited"), bean.getLastUpgradeMessage());
            });
            Files.createFile(go);
            slow.join();
            service.awaitGone(old);
            service.awaitServing(3);
        }
    }

    private static void awaitResult(String result, UpgraderMXBean bean) {
        Await.until(result, () -> bean.getLastUpgradeResult().equals(result), bean::getLastUpgradeResult);
    }

    private static String run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            assertEquals(0, process.waitFor(), () -> command + ": " + output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
        return output;
    }

    private static String jcmd(long pid, String... command) throws IOException {
        Path tool = Path.of(System.getProperty("java.home"), "bin", "jcmd");
        List<String> all = new ArrayList<>(List.of(tool.toString(), Long.toString(pid)));
        all.addAll(List.of(command));
        return run(all);
    }

    @Test
    void aRecordingHasTheUpgradeAndTheDrain() throws IOException {
        try (Service service = Service.testServer(directory)
                .arguments("--ready-after", "0", "--drain-timeout", "600000")
                .startAndAwait()) {
            long old = service.pid();
            Path go = directory.resolve("go");
            CompletableFuture<String> slow = Http.start(service.address(), "/until?" + go);
            Http.get(service.address(), "/"); // the one before it has been accepted
            Path recording = directory.resolve("old.jfr");
            jcmd(old, "JFR.start", "name=upgrade", "dumponexit=true", "filename=" + recording);
            service.signal("HUP", old);
            service.awaitServing(2);
            service.awaitLog("is the service after"); // for the old process too
            long successor = service.pid();
            Files.createFile(go);
            slow.join();
            service.awaitGone(old);
            List<RecordedEvent> events = RecordingFile.readAllEvents(recording);
            RecordedEvent upgrade = event(events, "io.tableflip.Upgrade");
            assertEquals("UPGRADED", upgrade.getString("result"));
            assertEquals(successor, upgrade.getLong("childPid"));
            assertTrue(upgrade.getDuration().toMillis() > 0);
            RecordedEvent drain = event(events, "io.tableflip.Drain");
            // none, if it was answered before its turn to be asked to leave had come
            String logged = "drained: " + drain.getLong("connections") + " connections: " + drain.getLong("finished")
                    + " finished, ";
            assertTrue(service.log().contains(logged), () -> drain + "\n" + service.log());
            assertTrue(drain.getEndTime().isAfter(upgrade.getEndTime()));
        }
    }

    private static RecordedEvent event(List<RecordedEvent> events, String name) {
        List<RecordedEvent> found = events.stream()
                .filter(event -> event.getEventType().getName().equals(name))
                .toList();
        assertEquals(1, found.size(), () -> name + ": " + found);
        return found.get(0);
    }

    /** The jar of the core alone, with nothing beside it. */
    @Test
    void theCommandLineNeedsOneJar() throws IOException {
        Path jar;
        try (Stream<Path> jars = Files.list(Service.projectFile("tableflip-core/target"))) {
            jar = jars.filter(file -> file.getFileName().toString().matches("tableflip-core-[^-]+(-SNAPSHOT)?\\.jar"))
                    .findFirst()
                    .orElseThrow();
        }
        Path alone = Files.copy(jar, directory.resolve("core.jar"));
        try (Service service = Service.testServer(directory).startAndAwait()) {
            long old = service.pid();
            String output = ctl(alone, "upgrade", service, "--wait", "5m");
            assertTrue(
                    output.matches(
                            "upgraded in \\d+ ms: generation 2 \\(pid \\d+\\) is the service, generation 1 \\(pid "
                                    + old + "\\) has ended\n"),
                    output);
            service.awaitOnly(service.pid());
            String status = ctl(alone, "status", service);
            assertTrue(status.startsWith("serving: generation 2 (pid " + service.pid() + ")"), status);
        }
    }

    private static String ctl(Path jar, String command, Service service, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of(Service.java(), "-jar", jar.toString(), "ctl", command));
        all.addAll(List.of("--pid-file", service.pidFile().toString()));
        all.addAll(List.of(more));
        return run(all);
    }
}
