package io.tableflip.core.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LastLinesTest {
    private static String of(String... parts) {
        LastLines lines = new LastLines();
        for (String part : parts) {
            byte[] bytes = part.getBytes(UTF_8);
            lines.add(bytes, bytes.length);
        }
        return lines.text();
    }

    @Test
    void theLastLinesAreKept() {
        assertEquals("", of());
        assertEquals("", of("\n\n"));
        assertEquals("one", of("one"));
        assertEquals("three | four | five | six | seven", of("one\ntwo\nthree\nfo", "ur\n\nfive\nsix\nseven\n"));
    }

    @Test
    void theyArePrintableAndBounded() {
        assertEquals("a\\tb\\u001b[2J \u00fc\\udcff", of("a\tb\u001b[2J \u00fc") + escape());
        String text = of(("x".repeat(100_000) + "\n").repeat(100) + "last");
        assertTrue(text.length() <= 1003, text);
        assertTrue(text.endsWith("x | last"), text);
    }

    private static String escape() {
        LastLines lines = new LastLines();
        lines.add(new byte[] {(byte) 0xff, 'x'}, 1);
        return lines.text();
    }

    @Test
    void aCharacterThatIsCutIsWhole() {
        LastLines lines = new LastLines();
        for (byte b : "\u00fc\u20ac".getBytes(UTF_8)) {
            lines.add(new byte[] {b}, 1);
        }
        assertEquals("\u00fc\u20ac", lines.text());
    }

    /** As OpenJDK 17 prints it. */
    @Test
    void theFramesOfStacksTellNothing() {
        assertEquals(
                "Exception in thread \"main\" java.lang.reflect.InvocationTargetException"
                        + " | Caused by: java.net.BindException: Address already in use"
                        + " | FATAL ERROR in native method: processing of -javaagent failed, processJavaStart failed",
                of("""
                        Picked up JAVA_TOOL_OPTIONS: -Dpassword=secret
                        Exception in thread "main" java.lang.reflect.InvocationTargetException
                        \tat java.base/java.lang.reflect.Method.invoke(Method.java:569)
                        \tat java.instrument/sun.instrument.InstrumentationImpl.loadClassAndStartAgent(X.java:493)
                        Caused by: java.net.BindException: Address already in use
                        \tat java.base/sun.nio.ch.Net.bind0(Native Method)
                        \t... 6 more
                        *** java.lang.instrument ASSERTION FAILED ***: "!errorOutstanding" with message Outstanding error
                        *** java.lang.instrument ASSERTION FAILED ***: "success" with message failed at x line: 459
                        FATAL ERROR in native method: processing of -javaagent failed, processJavaStart failed
                        Native frames: (J=compiled Java code, j=interpreted, Vv=VM code, C=native code)
                        V  [libjvm.so+0x8b0022]  jni_FatalError+0xb2
                        C  [libjli.so+0x4e6f]  JavaMain+0x8f
                        """));
    }
}
