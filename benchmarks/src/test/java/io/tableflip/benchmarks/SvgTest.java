package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringReader;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class SvgTest {
    static Document parsed(String xml) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
    }

    @Test
    void wellFormedWhateverTheTextSays() throws Exception {
        String xml = new Svg(200, 100, "a < b & \"c\"")
                .text(1, 2.25, "start", "title", "<&>\"")
                .line(0, 0, 10, 10, "grid")
                .rectangle(1, 2, 3, 4, "band1")
                .path(new Svg.Path().to(0, 0).to(5, 7.5).close(), "line")
                .xml();
        Document document = parsed(xml);
        assertEquals("0 0 200 100", document.getDocumentElement().getAttribute("viewBox"));
        assertEquals(
                "a < b & \"c\"", document.getElementsByTagName("title").item(0).getTextContent());
        assertEquals("<&>\"", document.getElementsByTagName("text").item(0).getTextContent());
        assertTrue(xml.contains("d=\"M0 0 L5 7.5 Z\""), xml);
        assertTrue(xml.contains("prefers-color-scheme: dark"));
    }
}
