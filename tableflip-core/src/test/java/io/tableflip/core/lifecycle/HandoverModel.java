package io.tableflip.core.lifecycle;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The handover as a model in Promela. Its states and moves are made from {@link Phase} and {@link Move}; what
 * triggers a move, and what it sends and closes, is said by a fragment of {@code handover.pml}, at least one
 * for each move. Immutable: each change, of which tests make use to see that it is noticed, gives a model of
 * its own.
 */
final class HandoverModel {
    private static final String MARK = "/* @generated */\n";
    private static final Pattern FRAGMENT = Pattern.compile(" */\\* @move (\\w+):.*?/\\* @end \\*/\n", Pattern.DOTALL);
    private static final Pattern MADE = Pattern.compile("make_(\\w+)\\(");

    private final String template;
    private final Map<Move, Row> table;
    private final Set<Move> missing;
    private final boolean rejecting;

    /** What the table says of one move. */
    private record Row(Phase to, Set<Phase> from) {}

    private HandoverModel(String template, Map<Move, Row> table, Set<Move> missing, boolean rejecting) {
        this.template = template;
        this.table = table;
        this.missing = missing;
        this.rejecting = rejecting;
    }

    static String template() throws IOException {
        try (InputStream template = requireNonNull(HandoverModel.class.getResourceAsStream("handover.pml"))) {
            return new String(template.readAllBytes(), UTF_8);
        }
    }

    /**
     * The table of the code, with this template.
     *
     * @throws IllegalArgumentException if a move has no fragment, or a fragment no move
     */
    static HandoverModel of(String template) {
        checkFragments(template);
        Map<Move, Row> table = new EnumMap<>(Move.class);
        for (Move move : Move.values()) {
            table.put(move, new Row(move.to(), move.from()));
        }
        return new HandoverModel(template, table, Set.of(), true);
    }

    /** With that instead of this, which the template must contain exactly once. */
    HandoverModel with(String instead, String ofThis) {
        int at = template.indexOf(ofThis);
        if (at < 0 || template.indexOf(ofThis, at + 1) >= 0) {
            throw new IllegalArgumentException("not exactly once in the template: " + ofThis);
        }
        return new HandoverModel(template.replace(ofThis, instead), table, missing, rejecting);
    }

    /** Nothing makes that move. */
    HandoverModel without(Move move) {
        return new HandoverModel(template, table, Set.of(move), rejecting);
    }

    /** That move leads elsewhere. */
    HandoverModel leading(Move move, Phase to) {
        return changed(move, new Row(to, row(move).from()));
    }

    /**
     * That move is legal in those states only. Where it is not, the loop logs that and goes on, as it does in
     * the code.
     */
    HandoverModel legalOnly(Move move, Phase first, Phase... others) {
        Row row = new Row(row(move).to(), EnumSet.of(first, others));
        return new HandoverModel(template, changed(move, row).table, missing, false);
    }

    private HandoverModel changed(Move move, Row row) {
        Map<Move, Row> changed = new EnumMap<>(table);
        changed.put(move, row);
        return new HandoverModel(template, changed, missing, rejecting);
    }

    private Row row(Move move) {
        return requireNonNull(table.get(move));
    }

    String promela() {
        String fragments = FRAGMENT.matcher(template)
                .replaceAll(found ->
                        missing.contains(Move.valueOf(found.group(1))) ? "" : Matcher.quoteReplacement(found.group()));
        return fragments.replace(MARK, generated());
    }

    private static void checkFragments(String template) {
        Set<String> moves = Arrays.stream(Move.values()).map(Move::name).collect(Collectors.toCollection(TreeSet::new));
        List<String> named = FRAGMENT.matcher(template)
                .results()
                .map(found -> found.group(1))
                .toList();
        if (named.size() != template.split("@move ", -1).length - 1) {
            throw new IllegalArgumentException("a fragment has no end");
        }
        requireSame("fragments", new TreeSet<>(named), moves);
        Set<String> made =
                MADE.matcher(template).results().map(found -> found.group(1)).collect(Collectors.toSet());
        requireSame("moves made", new TreeSet<>(made), moves);
    }

    private static void requireSame(String what, Set<String> found, Set<String> moves) {
        if (!found.equals(moves)) {
            throw new IllegalArgumentException(what + ": " + found + ", but the table has " + moves);
        }
    }

    private String generated() {
        StringBuilder text = new StringBuilder("/* ---- from Phase and Move */\n\n");
        List<Phase> states = Arrays.asList(Phase.values());
        Collections.reverse(states); // spin numbers them from the last one
        text.append("mtype = { ").append(names(states, ", ")).append(" };\n");
        define(text, "accepts", ParentFixture.ACCEPTING::contains);
        define(text, "isUnreadyPhase", Phase::isUnready);
        define(text, "listensToChild", Phase::listensToChild);
        define(text, "isUpgrading", Phase::isUpgrading);
        define(text, "hasHandedOver", Phase::hasHandedOver);
        define(text, "isEndingChild", Phase::isEndingChild);
        table.forEach((move, row) -> text.append(inline(move, row)));
        return text.toString();
    }

    private static void define(StringBuilder text, String name, Predicate<Phase> condition) {
        Set<Phase> phases =
                Arrays.stream(Phase.values()).filter(condition).collect(Collectors.toCollection(TreeSet::new));
        text.append("#define ")
                .append(name)
                .append("(s) (")
                .append(anyOf("s", phases))
                .append(")\n");
    }

    private String inline(Move move, Row row) {
        return """

                inline make_%s(p) {
                    if
                    :: %s -> state[p] = %s
                    :: else -> %s
                    fi
                }
                """.formatted(move, anyOf("state[p]", row.from()), row.to(), rejecting ? "assert(LEGAL_MOVE)" : "skip");
    }

    private static String anyOf(String variable, Set<Phase> states) {
        return states.stream().map(state -> variable + " == " + state).collect(Collectors.joining(" || "));
    }

    private static String names(List<Phase> states, String separator) {
        return states.stream().map(Phase::name).collect(Collectors.joining(separator));
    }
}
