package io.tableflip.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Links within the documentation lead somewhere, anchors included. Those into the Internet are not followed. */
class DocLinksTest {
    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        try (Stream<Path> root = Files.list(Markdown.project(""));
                Stream<Path> docs = Files.walk(Markdown.project("docs"))) {
            Stream.concat(root, docs)
                    .filter(file -> file.toString().endsWith(".md"))
                    .sorted()
                    .forEach(pages::add);
        }
        return pages;
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<String> broken = new ArrayList<>();
        int links = 0;
        for (Path page : pages()) {
            for (String link : Markdown.read(page).links()) {
                links++;
                if (!link.matches("https?://.*") && !leadsSomewhere(page, link)) {
                    broken.add(Markdown.project("").relativize(page) + ": " + link);
                }
            }
        }
        assertEquals(List.of(), broken);
        assertTrue(links > 100, "only " + links + " links found");
    }

    private static boolean leadsSomewhere(Path page, String link) throws IOException {
        int hash = link.indexOf('#');
        String path = hash < 0 ? link : link.substring(0, hash);
        Path target = path.isEmpty() ? page : page.resolveSibling(path).normalize();
        if (!target.startsWith(Markdown.project("")) || !Files.exists(target)) {
            return false;
        }
        return hash < 0 || Markdown.read(target).anchors().contains(link.substring(hash + 1));
    }

    /** A page that nothing leads to is not read. */
    @Test
    void theIndexHasEveryPage() throws IOException {
        List<String> listed = Markdown.read("docs/README.md").links();
        List<String> missing = pages().stream()
                .map(page -> Markdown.project("docs").relativize(page).toString())
                .filter(page -> !page.equals("README.md") && !listed.contains(page))
                .toList();
        assertEquals(List.of(), missing);
    }
}
