package io.tableflip.core.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class JvmOptionsTest {
    private static OptionalLong maxHeap(String... command) {
        return JvmOptions.maxHeap(List.of(command));
    }

    @Test
    void theProgramsOwnArgumentsAreNone() {
        OptionalLong gigabyte = OptionalLong.of(1 << 30);
        assertEquals(gigabyte, maxHeap("java", "-Xmx1g", "-jar", "app.jar", "-Xmx2g"));
        assertEquals(gigabyte, maxHeap("java", "-Xmx1g", "Main", "-Xmx2g"));
        assertEquals(gigabyte, maxHeap("java", "-Xmx1g", "-m", "app/app.Main", "-Xmx2g"));
        assertEquals(gigabyte, maxHeap("java", "-cp", "-Xmx3g", "-Xmx1g", "Main"));
        assertEquals(OptionalLong.empty(), maxHeap("java", "-cp"));
        assertEquals(OptionalLong.empty(), maxHeap("java"));
        assertEquals(OptionalLong.empty(), maxHeap("./start.sh", "-Xmx1g"));
    }

    @Test
    void theLastMaximumHeapCounts() {
        assertEquals(OptionalLong.of(5 << 20), maxHeap("java", "-Xmx1g", "-Xmx5M", "Main"));
    }

    @Test
    void maximumHeapsInAllUnits() {
        assertEquals(OptionalLong.of(67_108_864), maxHeap("java", "-Xmx67108864", "Main"));
        assertEquals(OptionalLong.of(65_536L << 10), maxHeap("java", "-Xmx65536k", "Main"));
        assertEquals(OptionalLong.of(3L << 40), maxHeap("java", "-Xmx3T", "Main"));
        assertEquals(OptionalLong.of(100), maxHeap("java", "-Xmx100", "Main"));
        for (String bad : List.of("-Xmx", "-Xmxg", "-Xmx-1g", "-Xmx1p", "-Xmx99999999999999999999")) {
            assertEquals(OptionalLong.empty(), maxHeap("java", bad, "Main"), bad);
        }
    }

    @Test
    void optionsOfTheSameNameAreReplaced() {
        assertEquals(
                List.of("java", "-Xmx2g", "-cp", "-Xmx1g", "Main", "-Xmx1g"),
                JvmOptions.replace(
                        List.of("java", "-Xmx1g", "-cp", "-Xmx1g", "-XX:MaxHeapSize=3g", "Main", "-Xmx1g"),
                        Map.of("-XX:MaxHeapSize", "-Xmx2g")));
    }

    @Test
    void namesOfOptions() {
        assertEquals("-XX:MaxHeapSize", JvmOptions.name("-Xmx1g"));
        assertEquals("-XX:MaxHeapSize", JvmOptions.name("-XX:MaxHeapSize=1g"));
        assertEquals("-XX:InitialHeapSize", JvmOptions.name("-Xms1g"));
        assertEquals("-Xss", JvmOptions.name("-Xss1m"));
        assertEquals("-XX:UseZGC", JvmOptions.name("-XX:-UseZGC"));
        assertEquals("-XX:UseZGC", JvmOptions.name("-XX:+UseZGC"));
        assertEquals("-Da", JvmOptions.name("-Da=1=2"));
        assertEquals("--add-opens=a/b=c", JvmOptions.name("--add-opens=a/b=c"));
        assertEquals("-Xlog:gc", JvmOptions.name("-Xlog:gc"));
    }

    @Test
    void whatIsJava() {
        assertTrue(JvmOptions.isJava(List.of("java")));
        assertTrue(JvmOptions.isJava(List.of("/opt/jdk/bin/java", "x")));
        assertFalse(JvmOptions.isJava(List.of("./java.sh")));
        assertFalse(JvmOptions.isJava(List.of("java/")));
    }
}
