package io.tableflip.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChildHeapTest {
    private static final long MIB = 1 << 20;
    private static final long GIB = 1 << 30;

    private static ChildHeap heap(long memory, String... options) {
        return heap(Map.of(), memory, options);
    }

    private static ChildHeap heap(Map<String, String> environment, long memory, String... options) {
        List<String> command = new ArrayList<>(List.of("java"));
        command.addAll(List.of(options));
        command.add("Main");
        return ChildHeap.of(new ChildCommand(command, environment), memory);
    }

    @Test
    void sizes() {
        assertEquals(2 * GIB, heap(GIB, "-Xmx2g").max());
        assertEquals(2 * GIB, heap(GIB, "-XX:MaxHeapSize=2G").max());
        assertEquals(512 * MIB, heap(GIB, "-Xmx512M").max());
        assertEquals(4096 * 1024, heap(GIB, "-Xmx4096k").max());
        assertEquals(2048L * GIB, heap(GIB, "-Xmx2t").max());
        assertEquals(8 * MIB, heap(GIB, "-Xmx8388608").max());
        assertEquals(8 * MIB, heap(GIB, "-Xmx0x800000").max());
        assertEquals(10 * MIB, heap(GIB, "-Xmx010m").max(), "not octal");
        long endless = heap(GIB, "-Xmx8000000t").max();
        assertTrue(endless > 0 && endless + endless > 0, "can be added to");
    }

    @Test
    void theLastOneWins() {
        assertEquals(
                2 * GIB, heap(GIB, "-Xmx1g", "-XX:MaxHeapSize=3g", "-Xmx2g").max());
        Map<String, String> tools = Map.of("JAVA_TOOL_OPTIONS", "-Xmx3g -Xms1g", "JDK_JAVA_OPTIONS", "-Xmx4g");
        assertEquals(new ChildHeap(GIB, 4 * GIB, "by -Xmx4g"), heap(tools, GIB));
        assertEquals(2 * GIB, heap(tools, GIB, "-Xmx2g").max());
        assertEquals(
                5 * GIB, heap(Map.of("_JAVA_OPTIONS", "-Xmx5g"), GIB, "-Xmx2g").max());
    }

    @Test
    void sharesOfTheMemory() {
        assertEquals(new ChildHeap(64 * MIB, GIB, "by default"), heap(4 * GIB));
        assertEquals(new ChildHeap(8 * MIB, 50 * MIB, "by default"), heap(100 * MIB));
        ChildHeap most = heap(4 * GIB, "-XX:MaxRAMPercentage=75.0", "-XX:InitialRAMPercentage=50");
        assertEquals(new ChildHeap(2 * GIB, 3 * GIB, "by -XX:MaxRAMPercentage=75.0"), most);
        assertEquals(new ChildHeap(32 * MIB, GIB / 2, "by -XX:MaxRAM=2g"), heap(4 * GIB, "-XX:MaxRAM=2g"));
        assertEquals(GIB, heap(4 * GIB, "-XX:MaxRAMPercentage=75", "-Xmx1g").max(), "a size goes before a share");
        assertEquals(32 * GIB, heap(1024 * GIB).max(), "of 128 GiB at most, if nobody asks for more");
        assertEquals(256 * GIB, heap(1024 * GIB, "-XX:MaxRAMPercentage=25").max());
    }

    @Test
    void theInitialSize() {
        assertEquals(GIB, heap(4 * GIB, "-Xms1g").initial());
        assertEquals(2 * GIB, heap(4 * GIB, "-Xms2g").max(), "more than the default maximum");
        assertEquals(GIB, heap(4 * GIB, "-Xms2g", "-Xmx1g").initial(), "the JVM will refuse that");
        assertEquals(64 * MIB, heap(4 * GIB, "-Xms0").initial(), "means the default");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-Xmx",
                "-Xmx foo",
                "-Xmxfoo",
                "-Xmx-1g",
                "-Xmx1gg",
                "-Xmx1.5g",
                "-Xmx99999999999999999999",
                "-Xmx9999999999t",
                "-Xmx0",
                "-Xmx0x",
                "-Xms",
                "-XX:MaxHeapSize",
                "-XX:MaxHeapSize=",
                "-XX:MaxRAMPercentage=a lot",
                "-XX:MaxRAMPercentage=-1",
                "-XX:MaxRAMPercentage=101",
                "-XX:MaxRAMPercentage=NaN",
                "-XX:MaxRAM=",
                "-XX:",
                "-XX:=",
                "-X",
                "-",
                "@",
            })
    void whatMakesNoSenseIsNotCounted(String bad) {
        assertEquals(heap(4 * GIB), heap(4 * GIB, bad));
        assertEquals(heap(4 * GIB), heap(Map.of("JAVA_TOOL_OPTIONS", "'" + bad + "'"), 4 * GIB));
    }

    /** The rules are those of the JVM that runs this. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "-Xmx300m",
                "-XX:MaxRAM=3g",
                "-XX:MaxRAM=300m",
                "-XX:MaxRAM=100m",
                "-XX:MaxRAMPercentage=10",
                "-XX:MaxRAM=2g -XX:InitialRAMPercentage=25 -XX:MaxRAMPercentage=60",
                "-Xms200m -XX:MaxRAM=400m",
                "-Dnothing"
            })
    void asTheJvmHasIt(String options) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of(options.split(" ", -1)));
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:+PrintFlagsFinal", "-version"));
        ProcessBuilder java = new ProcessBuilder(command);
        java.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"));
        Process process = java.redirectErrorStream(true).start();
        String flags = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), flags);
        long memory =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
        ChildHeap heap = ChildHeap.of(new ChildCommand(command, Map.of()), memory);
        assertNear(flag(flags, "MaxHeapSize"), heap.max());
        assertNear(flag(flags, "InitialHeapSize"), heap.initial());
    }

    private static long flag(String flags, String name) {
        String line = flags.lines()
                .filter(text -> text.contains(" " + name + " "))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(line.replaceFirst(".*= *", "").replaceFirst(" .*", ""));
    }

    /** The JVM rounds. */
    private static void assertNear(long expected, long actual) {
        assertTrue(Math.abs(expected - actual) <= 2 * MIB, () -> expected + ", not " + actual);
    }
}
