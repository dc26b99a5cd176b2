package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.tableflip.core.link.WireNames;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FdNameTest {
    @Test
    void printsAsOnTheWire() {
        assertEquals(
                "listener:tcp:127.0.0.1:80",
                FdName.listener("tcp", "127.0.0.1:80").toString());
        assertEquals("packet:udp:[::]:53", FdName.packet("udp", "[::]:53").toString());
        assertEquals("conn:tcp:x", FdName.conn("tcp", "x").toString());
        assertEquals("fd:audit.log", FdName.file("audit.log").toString());
    }

    @Test
    void goesOverTheWireAsInGo() {
        for (FdName name : List.of(
                FdName.listener("unix", "/run/app.sock"),
                FdName.packet("udp", "[::]:53#2"),
                FdName.conn("tcp", "x"),
                FdName.file("audit.log"))) {
            assertEquals(name, WireNames.decode(WireNames.encode(name)));
        }
        assertEquals(List.of("fd", "audit.log", ""), WireNames.encode(FdName.file("audit.log")));
        assertEquals(List.of("listener", "tcp", ":80"), WireNames.encode(FdName.listener("tcp", ":80")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "listener",
                "listener,tcp",
                "listener,tcp,",
                "listener,,x",
                "Listener,tcp,x",
                "shm,a,b",
                "fd,,",
                "a,b,c,d"
            })
    void otherNamesOnTheWireAreStrangers(String wire) {
        assertNull(WireNames.decode(List.of(wire.split(",", -1))));
    }

    @Test
    void refusesHalfNames() {
        assertThrows(IllegalArgumentException.class, () -> FdName.file(""));
        assertThrows(IllegalArgumentException.class, () -> FdName.listener("tcp", ""));
        assertThrows(IllegalArgumentException.class, () -> FdName.listener("", "x"));
        assertThrows(IllegalArgumentException.class, () -> new FdName(FdName.Kind.FD, "tcp", "x"));
    }
}
