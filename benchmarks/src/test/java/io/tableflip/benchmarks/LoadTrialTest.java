package io.tableflip.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.tableflip.examples.FailureKind;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.w3c.dom.NodeList;

class LoadTrialTest {
    private static final long MILLI = 1_000_000;
    private static final long SIGNAL = 100_000 * MILLI;

    /** At a time in milliseconds from the signal. */
    private static Outcome answered(long millis, long latencyMillis, long pid) {
        return new Outcome(SIGNAL + millis * MILLI, latencyMillis * MILLI, null, pid);
    }

    private static Outcome failed(long millis, FailureKind kind) {
        return new Outcome(SIGNAL + millis * MILLI, MILLI, kind, 0);
    }

    private static LoadTrial trial(List<Outcome> kept, List<Outcome> fresh) {
        return new LoadTrial(
                List.of(new ContenderServer.Mark(SIGNAL, Set.of(1L, 2L))),
                new LoadRecord(kept, fresh, 3, 1, 2 * MILLI, List.of()),
                2048);
    }

    private static final LoadTrial TRIAL = trial(
            List.of(
                    answered(-900, 1, 7), // by one that has gone before
                    answered(-500, 1, 1),
                    answered(-1, 3, 2), // over after the signal
                    answered(10, 5, 1),
                    answered(600, 7, 3),
                    answered(1_400, 2, 3),
                    failed(650, FailureKind.EOF),
                    failed(655, FailureKind.RESET)),
            List.of(answered(700, 9, 3), answered(1_700, 4, 3), failed(1_000, FailureKind.EOF)));

    @Test
    void partsOfTheLoad() {
        assertEquals(2, TRIAL.steady().count());
        assertEquals(3, TRIAL.duringUpgrades().count());
        // the first new answer came at 607
        assertEquals(List.of(OptionalLong.of(607 * MILLI)), TRIAL.firstAnswers());
        assertEquals(2, TRIAL.afterFirstAnswers().count());
    }

    @Test
    void firstAnswersOfEachNewProcess() {
        LoadTrial trial = new LoadTrial(
                List.of(
                        new ContenderServer.Mark(SIGNAL, Set.of(1L)),
                        new ContenderServer.Mark(SIGNAL + 2_000 * MILLI, Set.of(2L))),
                new LoadRecord(
                        List.of(
                                answered(-10, 1, 1),
                                answered(20, 3, 1),
                                answered(30, 90, 2), // sent first, and answered second
                                answered(60, 5, 2),
                                answered(500, 7, 2),
                                answered(2_100, 1, 2),
                                failed(2_200, FailureKind.RESET),
                                answered(2_300, 11, 3)),
                        List.of(),
                        0,
                        0,
                        0,
                        List.of()),
                0);
        assertEquals(
                List.of(5L, 90L, 11L),
                trial.firstOfNew(2)
                        .map(outcome -> outcome.latencyNanos() / MILLI)
                        .toList());
    }

    @Test
    void noNewAnswer() {
        LoadTrial trial = trial(List.of(answered(10, 5, 1)), List.of());
        assertEquals(List.of(OptionalLong.empty()), trial.firstAnswers());
        assertEquals(0, trial.afterFirstAnswers().count());
        assertEquals("never", LoadFigures.of(List.of(trial)).firstAnswer());
    }

    @Test
    void figures() {
        LoadFigures figures = LoadFigures.of(List.of(TRIAL, TRIAL));
        assertEquals(2, figures.upgrades());
        assertEquals(22, figures.requests());
        assertEquals(8, figures.failed());
        assertEquals("2 reset, 2 EOF in flight, 2 idle connection broken", figures.keptFailures());
        assertEquals("2 EOF in flight", figures.freshFailures());
        assertEquals(6, figures.idleEofs());
        assertEquals(607, figures.firstAnswerMillis());
        assertEquals(2, figures.peakMegabytes());
        assertEquals(2, figures.slipMillis());
        assertEquals("7.00 / 9.00 / 9.00 / 9.00", figures.latencies(LoadTrial::duringUpgrades));
        assertEquals(9, figures.ratios(LoadTrial::duringUpgrades, 0.99).median());
    }

    @Test
    void picture() throws Exception {
        String xml = LoadPicture.draw(Map.of("one & only", List.of(TRIAL)));
        NodeList texts = SvgTest.parsed(xml).getElementsByTagName("text");
        assertEquals(1, count(texts, "one & only"));
        assertEquals(1, count(texts, "4 failed"));
        assertEquals(1, count(texts, "100")); // the scale ends there
        NodeList marks = SvgTest.parsed(xml).getElementsByTagName("rect");
        int bad = 0;
        for (int i = 0; i < marks.getLength(); i++) {
            bad += marks.item(i)
                            .getAttributes()
                            .getNamedItem("class")
                            .getNodeValue()
                            .equals("bad")
                    ? 1
                    : 0;
        }
        assertEquals(5, bad, "one in the legend, and in each strip two steps of time in which something failed");
        assertEquals(1, count(texts, "signal"));
        assertEquals(1, count(texts, "answer, after 607 ms"));
    }

    /** However long it has taken. */
    @Test
    void thePictureShowsTheTakeover() throws Exception {
        LoadTrial late = trial(List.of(answered(-10, 1, 1), answered(60_000, 50, 3)), List.of());
        LoadTrial never = trial(List.of(answered(-10, 1, 1)), List.of());
        LoadBins bins = LoadBins.around(LoadTrial::takeovers, List.of(late, never));
        int moment = (int) (-LoadBins.FROM_MILLIS / LoadBins.STEP_MILLIS);
        assertEquals(50, bins.max());
        assertFalse(bins.isEmpty(moment - 1), "it was sent 50 ms before");
        NodeList texts = SvgTest.parsed(LoadPicture.draw(Map.of("late", List.of(late), "never", List.of(never))))
                .getElementsByTagName("text");
        assertEquals(1, count(texts, "answer, after 60.1 s"));
        assertEquals(1, count(texts, "no answer"));
    }

    private static int count(NodeList texts, String text) {
        int count = 0;
        for (int i = 0; i < texts.getLength(); i++) {
            count += texts.item(i).getTextContent().equals(text) ? 1 : 0;
        }
        return count;
    }
}
