package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the README asks a reader to copy is what the build compiles and the tests run: the module {@code integration-tests/hello}. */
class ReadmeTest {
    private static final String MODULE = "integration-tests/hello/";

    private static String between(String text, String start, String end) {
        int from = text.indexOf(start);
        int to = text.indexOf(end, from);
        assertTrue(from >= 0 && to >= 0, () -> "no " + start + " in " + text);
        return text.substring(from + start.length(), to);
    }

    @Test
    void theProgramIsTheOnlySourceOfItsModule() throws IOException {
        Path program = Markdown.project(MODULE + "src/main/java/Hello.java");
        assertEquals(Files.readString(program), Markdown.read("README.md").block("java"));
        try (Stream<Path> files = Files.walk(Markdown.project(MODULE + "src"))) {
            assertEquals(List.of(program), files.filter(Files::isRegularFile).toList());
        }
    }

    @Test
    void theDependenciesAreThoseOfItsModule() throws IOException {
        String pom = Files.readString(Markdown.project(MODULE + "pom.xml"));
        String dependencies = Markdown.read("README.md").block("xml");
        assertEquals(between(pom, "  <dependencies>\n", "  </dependencies>"), dependencies.indent(4));
        String version = between(between(pom, "<parent>", "</parent>"), "<version>", "</version>");
        assertTrue(dependencies.contains("<version>" + version + "</version>"), version);
        String netty = between(Files.readString(Markdown.project("pom.xml")), "<netty.version>", "</netty.version>");
        assertTrue(dependencies.contains("<version>" + netty + "</version>"), netty);
    }

    /** The unit of the examples that SystemdCtlIT runs, for another program. */
    @Test
    void theUnitHasTheSettingsOfATestedOne() throws IOException {
        String tested = Files.readString(Markdown.project("examples/systemd/hello-ctl.service"))
                .replace("/run/hello-ctl/", "/run/hello/")
                .replace("RuntimeDirectory=hello-ctl", "RuntimeDirectory=hello");
        List<String> settings = tested.lines().toList();
        for (String line : Markdown.read("README.md").block("ini").lines().toList()) {
            if (line.startsWith("ExecReload=")) {
                String command = line.substring(line.indexOf(" upgrade "));
                assertTrue(tested.contains(" ctl" + command + "\n"), line);
            } else if (!line.startsWith("ExecStart=") && !line.startsWith("Description=")) {
                assertTrue(settings.contains(line), line);
            }
        }
    }

    @Test
    void theLinesFitOnAScreen() throws IOException {
        assertEquals(List.of(), Markdown.read("README.md").linesWiderThan(110));
    }
}
