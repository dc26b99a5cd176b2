package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PathWordsTest {
    @ParameterizedTest
    @CsvSource({
        "/r/1, /r/2",
        "/r/1/lib/*, /r/2/lib/*",
        "/r/1/a.jar:/r/10/b.jar:/r/1:/r/1/c.jar, /r/2/a.jar:/r/10/b.jar:/r/2:/r/2/c.jar",
        "-Dx=/r/1/conf, -Dx=/r/2/conf",
        "-javaagent:/r/1/agent.jar=/r/1/agent.conf, -javaagent:/r/2/agent.jar=/r/2/agent.conf",
        "@/r/1/args, @/r/2/args",
        "-Dx=file:///r/1/log.xml, -Dx=file:///r/2/log.xml",
        "-Dx=file:/r/1/log.xml, -Dx=file:/r/2/log.xml",
        "'--config=/r/1/a,/r/1/b', '--config=/r/2/a,/r/2/b'",
        "'-Da=1 -javaagent:/r/1/x -cp /r/1', '-Da=1 -javaagent:/r/2/x -cp /r/2'",
    })
    void aPathIsReplacedWhereItIsOne(String text, String replaced) {
        assertTrue(PathWords.contains(text, "/r/1"));
        assertEquals(replaced, PathWords.replace(text, "/r/1", "/r/2"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/r/10", "/r/1.jar", "/x/r/1", "x/r/1", "-Dx=/srv/r/1", "http://host/r/1", "/r/"})
    void nothingElseIsReplaced(String text) {
        assertFalse(PathWords.contains(text, "/r/1"));
        assertEquals(text, PathWords.replace(text, "/r/1", "/r/2"));
    }

    @Test
    void whatReplacesAPathIsNotReplacedAgain() {
        assertEquals("/r/1/1/x:/r/1/1", PathWords.replace("/r/1/x:/r/1", "/r/1", "/r/1/1"));
    }

    @Test
    void allPathsAreFound() {
        assertEquals(List.of("/a/b.jar", "/c"), PathWords.absolute("lib/x.jar:/a/b.jar:/c"));
        assertEquals(List.of("/a=/b", "/b"), PathWords.absolute("-javaagent:/a=/b"));
        assertEquals(List.of("///a", "/a"), PathWords.absolute("-Dx=file:///a"));
        assertEquals(List.of(), PathWords.absolute("relative/path"));
    }
}
