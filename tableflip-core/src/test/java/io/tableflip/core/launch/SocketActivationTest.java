package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.tableflip.core.Fd;
import io.tableflip.core.FdName;
import io.tableflip.core.lifecycle.Descriptors;
import io.tableflip.core.os.FakeOs;
import io.tableflip.core.os.FakeProc;
import io.tableflip.testsupport.Logs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketActivationTest {
    private static final FdName HTTP = FdName.listener("tcp", "[::]:8080");
    private static final FdName SOCK = FdName.listener("unix", "/run/app.sock");

    private final FakeOs os = new FakeOs();
    private final FakeProc proc;

    SocketActivationTest(@TempDir Path root) throws IOException {
        proc = new FakeProc(root);
        proc.write("self/net/tcp", """
                  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
                   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0
                   1: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0
                   2: 0100007F:1F92 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0
                """);
        proc.write("self/net/tcp6", """
                   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 21 1
                   1: B80D0120000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 22 1
                """);
        proc.write("self/net/udp", "   0: 00000000:0035 00000000:0000 07 0:0 00:0 0 0 0 31 2 0 0");
        proc.unixSockets(
                "0000000000000000: 00000002 00000000 00010000 0001 01 41 /run/app.sock",
                "0000000000000000: 00000002 00000000 00010000 0001 01 42 @abstract",
                "0000000000000000: 00000002 00000000 00000000 0002 01 43 /run/log.sock",
                "0000000000000000: 00000002 00000000 00010000 0005 01 44 /run/seq.sock");
    }

    private SocketActivation activation(String count, String names, int... inodes) throws IOException {
        for (int i = 0; i < inodes.length; i++) {
            proc.fd(3 + i, "socket:[" + inodes[i] + "]", "02004002");
        }
        return read(Map.of("LISTEN_PID", "77", "LISTEN_FDS", count, "LISTEN_FDNAMES", names));
    }

    private SocketActivation read(Map<String, String> environment) {
        return SocketActivation.of(environment, proc.fs, 77);
    }

    private void unflag(int fd) throws IOException {
        proc.write("self/fdinfo/" + fd, "pos:\t0\nflags:\t04002\n");
    }

    /** As systemd passes them: not close-on-exec. */
    private SocketActivation passed(String names, int... inodes) throws IOException {
        for (int i = 0; i < inodes.length; i++) {
            proc.fd(3 + i, "socket:[" + inodes[i] + "]", "04002");
        }
        return read(Map.of("LISTEN_PID", "77", "LISTEN_FDS", Integer.toString(inodes.length), "LISTEN_FDNAMES", names));
    }

    @Test
    void withoutTheVariablesThereIsNothing() {
        SocketActivation none = read(Map.of("LISTEN_PID", "77"));
        assertEquals(Map.of(), none.passed());
        assertEquals(Map.of(), none.aliases());
    }

    @Test
    void socketsAreKnownByTheirAddresses() throws IOException {
        SocketActivation all = passed("", 21, 22, 31, 41, 42, 43, 44, 13);
        assertEquals(
                List.of(
                        HTTP,
                        FdName.listener("tcp", "[2001:db8::1]:8080"),
                        FdName.packet("udp", "0.0.0.0:53"),
                        SOCK,
                        FdName.listener("unix", "@abstract"),
                        FdName.packet("unixgram", "/run/log.sock"),
                        FdName.listener("unixpacket", "/run/seq.sock"),
                        FdName.conn("tcp", "127.0.0.1:8082")),
                List.copyOf(all.passed().values()));
        assertEquals(Set.of(41L, 42L, 43L, 44L), all.unixSockets());
        assertEquals(Map.of(FdName.listener("tcp", "0.0.0.0:8080"), HTTP), all.aliases());
    }

    @Test
    void andByTheNamesOfTheUnit() throws IOException {
        Descriptors fds = new Descriptors(() -> os, proc.fs);
        os.opened(3);
        os.opened(4);
        fds.activate(passed("web:admin", 21, 41));
        assertEquals(List.of(HTTP, SOCK), List.copyOf(fds.inherited()));
        Fd web = fds.inherit(FdName.listener("tcp", "web")).orElseThrow();
        assertEquals(3, web.number());
        assertEquals(FdName.listener("tcp", "web"), web.name());
        assertTrue(fds.inherit(HTTP).isEmpty());
        assertTrue(fds.inherit(FdName.listener("tcp", "0.0.0.0:8080")).isEmpty());
        assertEquals(Set.of(FdName.listener("tcp", "web")), fds.used());
        assertTrue(fds.inherit(FdName.listener("unix", "admin")).isPresent());
        assertEquals(List.of(), os.mistakes());
    }

    @Test
    void oneNameForTwoSocketsIsNoName() throws IOException {
        try (Logs logs = new Logs()) {
            SocketActivation both = passed("web:web:web", 21, 22, 41);
            assertEquals(
                    Set.of(FdName.listener("tcp", "0.0.0.0:8080"), FdName.listener("unix", "web")),
                    both.aliases().keySet());
            assertTrue(logs.has("2 sockets have this name"), logs::toString);
        }
    }

    @Test
    void aNameThatIsTheAddressOfAnotherIsNone() throws IOException {
        try (Logs logs = new Logs()) {
            assertEquals(
                    Map.of(FdName.listener("unix", "web"), FdName.listener("unix", "@abstract")),
                    passed("@abstract:web", 41, 42).aliases());
            assertTrue(logs.has("its name is an address that was passed too"), logs::toString);
        }
    }

    @Test
    void moreNamesThanSocketsAndOddOnes() throws IOException {
        FdName odd = FdName.listener("unix", "a/b\n#0=\u00fc ");
        assertEquals(
                Map.of(odd, SOCK), passed("a/b\n#0=\u00fc :nobody:nothing", 41).aliases());
        Map<String, String> empty = Map.of("LISTEN_PID", "77", "LISTEN_FDS", "1", "LISTEN_FDNAMES", ":::");
        assertEquals(Map.of(), read(empty).aliases());
    }

    @Test
    void theNamesThatSystemdMakesUpAreNone() throws IOException {
        assertEquals(Map.of(), passed("unknown:stored:connection", 22, 11, 13).aliases());
    }

    @Test
    void socketsAtOneAddressAreAGroup() throws IOException {
        assertEquals(
                List.of(FdName.listener("tcp", "127.0.0.1:8081#0"), FdName.listener("tcp", "127.0.0.1:8081#1")),
                List.copyOf(passed("", 11, 12).passed().values()));
    }

    @Test
    void whatIsNoSocketOrUnknownIsAFile() throws IOException {
        proc.fd(3, "pipe:[5]", "0");
        proc.fd(4, "socket:[999]", "02");
        proc.fd(5, "/dev/input/event0", "0");
        SocketActivation files =
                read(Map.of("LISTEN_PID", "77", "LISTEN_FDS", "3", "LISTEN_FDNAMES", "control:unknown:control"));
        assertEquals(
                List.of(FdName.file("control"), FdName.file("systemd-4"), FdName.file("control#1")),
                List.copyOf(files.passed().values()));
    }

    @Test
    void variablesForAnotherProcessAreNotOurs() throws IOException {
        proc.fd(3, "socket:[21]", "02");
        try (Logs logs = new Logs()) {
            assertEquals(
                    Map.of(),
                    read(Map.of("LISTEN_PID", "76", "LISTEN_FDS", "1")).passed());
            assertTrue(logs.has("is for process 76 and this is 77"), logs::toString);
            assertEquals(Map.of(), read(Map.of("LISTEN_FDS", "1")).passed());
        }
    }

    @Test
    void moreThanWerePassedAreNamedAndTheRestIsUsed() throws IOException {
        try (Logs logs = new Logs()) {
            proc.fd(5, "/usr/lib/jvm/lib/modules", "02100000");
            SocketActivation one = activation("3", "web", 21);
            assertEquals(Map.of(), one.passed(), "close-on-exec: this JVM has opened it");
            unflag(3);
            assertEquals(
                    Map.of(3, HTTP),
                    read(Map.of("LISTEN_PID", "77", "LISTEN_FDS", "3")).passed());
            assertTrue(logs.has("descriptor 4 was not passed"), logs::toString);
            assertTrue(logs.has("descriptor 5 was not passed"), logs::toString);
        }
    }

    @Test
    void aCountThatIsNoneIsIgnored() {
        for (String count : List.of("", "-1", "x", "1e9", "999999999999")) {
            try (Logs logs = new Logs()) {
                assertEquals(
                        Map.of(),
                        read(Map.of("LISTEN_PID", "77", "LISTEN_FDS", count)).passed());
                assertTrue(logs.has("is not a number of descriptors"), logs::toString);
            }
        }
    }

    @Test
    void theNextGenerationLearnsWhichPathsToLeaveAlone() {
        assertEquals("41,43", SocketActivation.variable(Set.of(43L, 41L)));
        assertEquals(Set.of(41L, 43L), SocketActivation.kept(Map.of("TABLEFLIP_KEEP_SOCKETS", "41,x,43,,-1")));
        assertEquals(Set.of(), SocketActivation.kept(Map.of()));
    }

    @Test
    void noVariableIsPassedOn() {
        for (String own : List.of("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "TABLEFLIP_KEEP_SOCKETS")) {
            assertTrue(SocketActivation.isOwn(own));
        }
        assertFalse(SocketActivation.isOwn("LISTEN_ADDRESS"));
    }
}
