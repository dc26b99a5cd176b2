package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChildCommandTest {
    private final ChildCommand command = new ChildCommand(List.of("java", "-jar", "app.jar"), Map.of("A", "1"));

    @Test
    void eachChangeLeavesTheRest() {
        assertEquals(
                List.of("java", "-Xmx1g", "Main"),
                command.withArguments(List.of("-Xmx1g", "Main")).command());
        assertEquals(
                List.of("./start.sh", ""), command.withCommand("./start.sh", "").command());
        assertEquals(Map.of("A", "1"), command.withCommand("x").environment());
        assertEquals(Map.of("A", "2"), command.withVariable("A", "2").environment());
        assertEquals(
                Map.of("A", "1", "B", "=x\n"), command.withVariable("B", "=x\n").environment());
        assertEquals(Map.of("C", ""), command.withEnvironment(Map.of("C", "")).environment());
        assertEquals(List.of("java", "-jar", "app.jar"), command.command());
        assertEquals(Map.of("A", "1"), command.environment());
    }

    @Test
    void laterChangesOfTheArgumentsHaveNoEffect() {
        List<String> list = new ArrayList<>(List.of("a"));
        Map<String, String> map = new HashMap<>(Map.of("N", "v"));
        ChildCommand changed = command.withCommand(list).withEnvironment(map);
        list.add("b");
        map.clear();
        assertEquals(List.of("a"), changed.command());
        assertEquals(Map.of("N", "v"), changed.environment());
        assertThrows(
                UnsupportedOperationException.class, () -> changed.command().add("x"));
        assertThrows(
                UnsupportedOperationException.class, () -> changed.environment().put("x", "y"));
    }

    @Test
    void refusesWhatExecCannotTake() {
        assertThrows(IllegalArgumentException.class, () -> command.withCommand(List.of()));
        assertThrows(IllegalArgumentException.class, () -> command.withCommand("", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withCommand("java", "a\0b"));
        assertThrows(IllegalArgumentException.class, () -> command.withArguments(List.of("\0")));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("A=B", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("A\0", "x"));
        assertThrows(IllegalArgumentException.class, () -> command.withVariable("A", "\0"));
    }
}
