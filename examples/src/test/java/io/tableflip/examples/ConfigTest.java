package io.tableflip.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigTest {
    @TempDir
    private Path directory;

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("app.conf"), text);
    }

    @Test
    void greeting() throws Exception {
        assertEquals(new Config("a = b"), Config.read(file("# comment\n\n  greeting=  a = b \n")));
    }

    @Test
    void defaults() throws Exception {
        assertEquals(new Config("hello"), Config.read(null));
        assertEquals(new Config("hello"), Config.read(file("")));
    }

    private void assertInvalid(String message, String text) throws IOException {
        Path file = file(text);
        Exception e = assertThrows(InvalidConfigException.class, () -> Config.read(file));
        assertEquals(file + message, e.getMessage());
    }

    @Test
    void invalid() throws Exception {
        assertInvalid(", line 2: not of the form \"key = value\": nonsense", "greeting = x\nnonsense\n");
        assertInvalid(", line 1: unknown key: greting", "greting = x\n");
    }

    @Test
    void noFile() {
        Path missing = directory.resolve("missing");
        Exception e = assertThrows(InvalidConfigException.class, () -> Config.read(missing));
        assertEquals(missing + ": no such file", e.getMessage());
    }
}
