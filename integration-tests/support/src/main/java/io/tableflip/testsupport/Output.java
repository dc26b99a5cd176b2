package io.tableflip.testsupport;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What a program and the processes that follow from it print. */
public final class Output {
    private final Supplier<String> text;
    private final BooleanSupplier complete;

    /**
     * Makes one of a place in which the output is collected.
     *
     * @param text all until now
     * @param complete whether nothing more can come
     */
    public Output(Supplier<String> text, BooleanSupplier complete) {
        this.text = text;
        this.complete = complete;
    }

    /** All until now. */
    public String text() {
        return text.get();
    }

    /**
     * Waits for a match, and fails if all processes end without one.
     *
     * @param occurrence 1 for the first match
     */
    public MatchResult await(Pattern pattern, int occurrence) {
        List<MatchResult> found = new ArrayList<>();
        Await.until(
                "in the output: " + pattern,
                () -> {
                    boolean over = complete.getAsBoolean(); // before the look at the text
                    pattern.matcher(text())
                            .results()
                            .skip(occurrence - 1L)
                            .findFirst()
                            .ifPresent(found::add);
                    if (over && found.isEmpty()) {
                        fail("all processes ended without \"" + pattern + "\" in the output:\n" + text());
                    }
                    return !found.isEmpty();
                },
                this::text);
        return found.get(0);
    }

    @Override
    public String toString() {
        return text();
    }
}
