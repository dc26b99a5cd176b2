package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.testsupport.Await;
import io.tableflip.testsupport.Proc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A service whose generations are programs in Go or in Java: both know only a link, which leads to one or the other. Looks after what all of
 * them pass on.
 */
final class Peers implements AutoCloseable {
    private static final Pattern DATAGRAMS = Pattern.compile("datagrams on (\\S+):(\\d+)");

    /** What the next process is written in. */
    enum Language {
        GO,
        JAVA;

        Language other() {
            return this == GO ? JAVA : GO;
        }
    }

    private final Path directory;
    private final Service service;
    private final PeerClient client;
    private final Sockets sockets;

    private Language language;

    private Peers(Path directory, Path goPeer, Language first, String upgradeTimeout) throws IOException {
        this.directory = directory;
        language = first;
        Files.createLink(goStart(), goPeer);
        writeJavaStart();
        point(first);
        service = Service.command(directory, start())
                .arguments(directory.toString(), upgradeTimeout)
                .environment(JavaPeer.START, start().toString())
                .start();
        try {
            service.awaitLog("is ready");
            Matcher datagrams = DATAGRAMS.matcher(service.log());
            assertTrue(datagrams.find(), service.log());
            InetSocketAddress udp = new InetSocketAddress(datagrams.group(1), Integer.parseInt(datagrams.group(2)));
            client = new PeerClient(service.address(), unixPath(), udp);
            // From now on there is no way to that file but the descriptor.
            Files.move(directory.resolve("audit"), log());
            sockets = sockets();
        } catch (AssertionError | IOException | RuntimeException e) {
            service.close();
            throw e;
        }
    }

    /** Starts the first generation. */
    static Peers start(Path directory, Path goPeer, Language first) throws IOException {
        return new Peers(directory, goPeer, first, "60s");
    }

    /** @param upgradeTimeout {@code 5s} for example */
    static Peers start(Path directory, Path goPeer, Language first, String upgradeTimeout) throws IOException {
        return new Peers(directory, goPeer, first, upgradeTimeout);
    }

    private Path start() {
        return directory.resolve("start");
    }

    private Path goStart() {
        return directory.resolve("start-go");
    }

    private Path javaStart() {
        return directory.resolve("start-java");
    }

    private Path unixPath() {
        return directory.resolve("unix.sock");
    }

    private Path log() {
        return directory.resolve("audit.moved");
    }

    private void writeJavaStart() throws IOException {
        String options = Runtime.version().feature() >= 24 ? " --enable-native-access=ALL-UNNAMED" : "";
        Files.writeString(
                javaStart(),
                "#!/bin/sh\nexec " + Service.java() + options + " " + String.join(" ", TestJvm.options()) + " -cp "
                        + System.getProperty("java.class.path") + " "
                        + JavaPeer.class.getName() + " \"$@\"\n");
        Files.setPosixFilePermissions(javaStart(), PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** What the next process will be. */
    void point(Language next) throws IOException {
        Path link = Files.createSymbolicLink(
                directory.resolve("start.next"), next == Language.GO ? goStart() : javaStart());
        Files.move(link, start(), StandardCopyOption.ATOMIC_MOVE);
    }

    /** What the next process will do. */
    void plan(String plan) throws IOException {
        Files.writeString(directory.resolve("plan"), plan);
    }

    Service service() {
        return service;
    }

    PeerClient client() {
        return client;
    }

    long pid() {
        return service.pid();
    }

    /** The name of the process that is the service. */
    String name() {
        return name(language, pid());
    }

    static String name(Language language, long pid) {
        return language.name().toLowerCase(Locale.ROOT) + " " + pid;
    }

    /** Asks for an upgrade; the answer comes when it has ended. */
    CompletableFuture<String> startUpgrade() {
        return CompletableFuture.supplyAsync(() -> client.tcp("upgrade"), task -> {
            Thread thread = new Thread(task, "upgrade");
            thread.setDaemon(true);
            thread.start();
        });
    }

    /** Upgrades, and sees to it that the new process has everything and is alone in the end. */
    void upgradeTo(Language next) throws IOException {
        point(next);
        long old = pid();
        String parent = name();
        assertEquals(parent + " upgraded", client.tcp("upgrade"), service.log());
        replaced(old, next);
    }

    /** To be called when the upgrade has ended well. */
    void replaced(long old, Language next) throws IOException {
        String parent = name(language, old);
        language = next;
        // Go's accept in the old process may be blocked until one more client comes.
        Await.until(
                parent + " has gone after the upgrade",
                () -> {
                    assertAnswers(parent, name());
                    return !Proc.isRunning(old);
                },
                service::log);
        service.awaitLog(name() + " has no parent any more");
        assertServes();
        assertLogged(name() + " is about to be ready", parent + " has finished");
    }

    /** The process that is the service is the only one, has what the first one had, and answers. */
    void assertServes() throws IOException {
        service.awaitOnly(pid());
        assertEquals(sockets, sockets());
        assertTrue(sockets.areHeldBy(pid()), () -> sockets + " are not all held by " + name());
        assertTrue(Proc.holds(pid(), log()), () -> log() + " is not held by " + name());
        assertAnswers(name(), name());
    }

    private void assertAnswers(String one, String other) {
        List<String> both = List.of(one + " hello", other + " hello");
        for (String answer : List.of(client.tcp("hello"), client.unix("hello"), client.udp("hello"))) {
            assertTrue(both.contains(answer), () -> answer + " is none of " + both + "\n" + service.log());
        }
    }

    private void assertLogged(String... lines) throws IOException {
        List<String> logged = Files.readAllLines(log());
        List<String> tail = logged.subList(logged.size() - lines.length, logged.size());
        assertEquals(List.of(lines), tail, logged.toString());
        assertTrue(Files.notExists(directory.resolve("audit")), "the log was opened by its path");
    }

    /** Ends the service for good. */
    void stop() {
        service.signal("TERM", pid());
        // as after an upgrade, Go's accept may be blocked
        service.awaitProcesses(0);
        assertTrue(Files.notExists(unixPath()), "the path of the Unix socket is left");
    }

    private Sockets sockets() {
        return new Sockets(
                Proc.listener(client.tcpAddress()),
                Proc.listener(unixPath()),
                Proc.datagramSocket(client.udpAddress()));
    }

    /** The kernel's numbers of the sockets that have the addresses of the service. */
    private record Sockets(List<Long> tcp, List<Long> unix, List<Long> udp) {
        boolean areHeldBy(long pid) {
            List<String> open = List.copyOf(Proc.descriptors(pid).values());
            return List.of(tcp, unix, udp).stream()
                    .allMatch(inodes -> inodes.size() == 1 && open.contains("socket:[" + inodes.get(0) + "]"));
        }
    }

    @Override
    public void close() {
        service.close();
    }

    /** Waits for a line of the log that says this of that process. */
    void awaitSaid(String name, String text) {
        service.awaitLog(name + " " + text);
    }

    /** The name of the first process of the kind that says this. (A process that is merely there may be the rehearsal of a spawn.) */
    String awaitSayer(Language kind, String text) {
        Pattern said = Pattern.compile("(" + kind.name().toLowerCase(Locale.ROOT) + " \\d+) " + Pattern.quote(text));
        service.awaitMatch(said.pattern());
        Matcher matcher = said.matcher(service.log());
        if (!matcher.find()) {
            throw new AssertionError(service.log());
        }
        return matcher.group(1);
    }

    void assertNotSaid(String name, String text) {
        assertFalse(service.log().contains(name + " " + text), service::log);
    }

    void writeNames(byte[] names) {
        try {
            Files.write(directory.resolve("names"), names);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
