package io.tableflip.core.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class JvmVariablesTest {
    @Test
    void optionsStandBetweenBlanks() {
        assertEquals(
                List.of("-Xmx1g", "-Da=b c", "-Dd=e\\$1"),
                JvmVariables.options("  -Xmx1g\t-Da='b c' \n \"-Dd\"=e\\$1 "));
        assertEquals(List.of("-Da=b c "), JvmVariables.options("-Da='b c "));
        assertEquals(List.of(), JvmVariables.options(" "));
    }

    /** However long one is, and whatever is wrong with it. */
    @Test
    void longOptions() {
        String value = "-Da=" + "b".repeat(100_000) + "'c'".repeat(500) + "'";
        assertEquals(List.of("-Da=" + "b".repeat(100_000) + "c".repeat(500)), JvmVariables.options(value));
    }

    @Test
    void whatStaysIsLeftAsItIs() {
        assertEquals("-Xmx1g  '-Da=b c'", JvmVariables.remove("-Xmx1g  '-Da=b c'", List.of("-Dx")));
        assertEquals("-Xmx1g '-Da=b c'", JvmVariables.remove("-Xmx1g -Dx=1 '-Da=b c'", List.of("-Dx")));
        assertEquals("", JvmVariables.remove("'-Dx=1 2'", List.of("-Dx")));
    }
}
