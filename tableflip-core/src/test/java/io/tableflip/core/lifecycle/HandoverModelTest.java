package io.tableflip.core.lifecycle;

import static io.tableflip.core.lifecycle.Phase.DRAINING;
import static io.tableflip.core.lifecycle.Phase.OPENING;
import static io.tableflip.core.lifecycle.Phase.STOPPING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What docs/protocol-model.md claims, looked for in every state that the model can reach; and that it notices
 * what would break it.
 */
@Tag("model") // the same whatever Java it runs on
class HandoverModelTest {
    /** More take longer: three some five times as long as two. */
    private static final int MISHAPS = Integer.getInteger("tableflip.model.mishaps", 2);

    @TempDir
    Path directory;

    private final HandoverModel model;

    HandoverModelTest() throws Exception {
        model = HandoverModel.of(HandoverModel.template());
    }

    // ---- the proof

    /** Of the protocol between two of this library, and of that which Go's tableflip speaks. */
    @ParameterizedTest
    @ValueSource(ints = {2, 1})
    void theClaimsHoldWhateverHappens(int level) throws Exception {
        report(
                "level " + level + ", mishaps " + MISHAPS,
                spin(model).search("-DLEVEL=" + level, "-DMISHAPS=" + MISHAPS));
    }

    /** The child's patience, which covers up much, ends here only if the parent was stopped. */
    @Test
    void theClaimsHoldIfOnlyAStoppedParentIsLate() throws Exception {
        report("SIGSTOP", spin(model).search("-DFREEZES=1", "-DMISHAPS=1"));
    }

    /** A SIGHUP at any time, to any process, beside a mishap. */
    @Test
    void noRequestIsLost() throws Exception {
        report("SIGHUP", spin(model).search("-DHUPS=1", "-DMISHAPS=1"));
    }

    /** With the claims about the states in which nothing can happen any more: every upgrade ends. */
    @ParameterizedTest
    @ValueSource(ints = {2, 1})
    void nothingGoesOnForEver(int level) throws Exception {
        report("cycles, level " + level, spin(model).searchCycle("-DLEVEL=" + level, "-DMISHAPS=1"));
    }

    private static void report(String what, Spin.Outcome outcome) {
        outcome.assertHolds();
        assertTrue(outcome.states() > 1000, outcome.output());
        System.out.println("handover model, " + what + ": " + outcome.states() + " states, every claim holds");
    }

    private Spin spin(HandoverModel of) throws Exception {
        Spin.assumeInstalled();
        return new Spin(directory, of.promela());
    }

    // ---- the proof is about something

    /** A change of the protocol, and the claim that does not hold then. */
    private record Mutation(
            String name, UnaryOperator<HandoverModel> change, String violates, List<String> parameters) {
        Mutation(String name, UnaryOperator<HandoverModel> change, String violates, String... parameters) {
            this(name, change, violates, List.of(parameters));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Mutation replacing(String name, String ofThis, String by, String violates, String... parameters) {
        return new Mutation(name, model -> model.with(by, ofThis), violates, parameters);
    }

    static Stream<Mutation> mutations() {
        return Stream.of(missingMoves(), wrongMoves(), wrongParents(), wrongChildren())
                .flatMap(mutations -> mutations);
    }

    private static Stream<Mutation> missingMoves() {
        return Stream.of(
                new Mutation("nobody pauses", model -> model.without(Move.PAUSE), "UPGRADE_ENDS"),
                new Mutation("DRAINED is not said", model -> model.without(Move.ALLOW), "UPGRADE_ENDS", "-DFREEZES=1"),
                new Mutation("READY is not heard", model -> model.without(Move.COMMIT), "UPGRADE_ENDS"),
                new Mutation("nothing is rolled back", model -> model.without(Move.ROLL_BACK), "UPGRADE_ENDS"),
                new Mutation(
                        "a child that has taken over never serves",
                        model -> model.legalOnly(Move.SERVE, OPENING),
                        "UPGRADE_ENDS"));
    }

    private static Stream<Mutation> wrongMoves() {
        return Stream.of(
                new Mutation(
                        "a rollback to a state that does not accept",
                        model -> model.leading(Move.ROLL_BACK, DRAINING),
                        "UPGRADE_ENDS"),
                new Mutation(
                        "a rollback that ends the service",
                        model -> model.leading(Move.ROLL_BACK, STOPPING),
                        "SOMEBODY_ACCEPTS"),
                replacing(
                        "a child that serves though it has a parent",
                        "state[me] == OPENING && (!hasParent || gone[me]) ->",
                        "state[me] == OPENING ->",
                        "ONE_SERVICE"),
                replacing(
                        "a parent that leaves without having read READY",
                        "hears(READY) ->\n               up[kid]?READY;",
                        "hasChild ->",
                        "SOMEBODY_ACCEPTS"),
                replacing(
                        "READY of one that has failed counts",
                        "isSilent || !alive[kid] -> skip",
                        "!alive[kid] -> skip",
                        "LEGAL_MOVE"),
                replacing(
                        "READY of the dead counts",
                        "isSilent || !alive[kid] -> skip",
                        "isSilent -> skip",
                        "SOMEBODY_ACCEPTS"));
    }

    private static Stream<Mutation> wrongParents() {
        return Stream.of(
                replacing(
                        "no rollback before the takeover",
                        "isEndingChild(state[me]) && (kid",
                        "(state[me] == TAKING_BACK || state[me] == ENDING_CHILD) && (kid",
                        "UPGRADE_ENDS"),
                replacing(
                        "a rollback that forgets the PID file",
                        "               pidFile = me;\n",
                        "",
                        "PID_FILE_IS_RIGHT"),
                replacing(
                        "a timer that does not read first",
                        "state[me] == CHILD_FAILED) && nothingHeard -> make_ABORT",
                        "state[me] == CHILD_FAILED) -> make_ABORT",
                        "READY_COUNTS"),
                replacing(
                        "a stop that does not read first",
                        "state[me] == CHILD_FAILED) && nothingHeard ->\n               hearsStop()",
                        "state[me] == CHILD_FAILED) ->\n               hearsStop()",
                        "READY_COUNTS"),
                replacing(
                        "a parent that does not close the link before it resumes",
                        "        kill();\n        atomic { closeLink(kid); goto next };\n",
                        "        kill();\n        goto next;\n",
                        "LINK_IS_CLOSED"),
                replacing(
                        "a parent that closes the link before it kills",
                        "        kill();\n        atomic { closeLink(kid); goto next };\n",
                        "        atomic { closeLink(kid) };\n        kill();\n        goto next;\n",
                        "ONE_SERVICE",
                        "-DLEVEL=1"),
                replacing("an upgrade beside the parent", "&& isParentGone && born", "&& born", "ONE_SERVICE"),
                replacing(
                        "a request that is not passed on at the commit",
                        "requested[me] && LEVEL == 2 -> tell(successor[me], REQUEST)",
                        "requested[me] && LEVEL == 2 -> skip",
                        "REQUEST_COUNTS",
                        "-DHUPS=1"),
                replacing(
                        "a request that is not passed on after the commit",
                        "asked = true; tell(successor[me], REQUEST)",
                        "asked = true",
                        "REQUEST_COUNTS",
                        "-DHUPS=1"),
                replacing(
                        "a request during an upgrade that is refused",
                        "requested[me] = true; asked = asked || isSettled(me)",
                        "requested[me] = state[me] == SERVING; asked = asked || isSettled(me)",
                        "REQUEST_COUNTS",
                        "-DHUPS=1"),
                replacing("a stop that is not passed on", "        tell(kid, STOP_ALL);\n", "", "STOP_ENDS_ALL"));
    }

    private static Stream<Mutation> wrongChildren() {
        return Stream.of(
                replacing(
                        "a child that does not look whether its parent lives",
                        "parentGone[me] && !alive[parent[me]]",
                        "true",
                        "ONE_SERVICE"),
                replacing(
                        "a child that does not read to the end first",
                        "parentGone[me] && !alive[parent[me]]",
                        "!alive[parent[me]]",
                        "ONE_SERVICE"),
                replacing(
                        "ABORT comes too late after READY",
                        "isUnready(me) || state[me] == SERVING ->",
                        "isUnready(me) ->",
                        "ONE_SERVICE"),
                replacing(
                        "a child that waits for ever",
                        "parentGone[me] && !alive[parent[me]]",
                        "false",
                        "UPGRADE_ENDS"));
    }

    /** One mishap is enough for each. */
    @ParameterizedTest
    @MethodSource("mutations")
    void aBrokenProtocolIsFoundOut(Mutation mutation) throws Exception {
        List<String> parameters = new ArrayList<>(mutation.parameters());
        parameters.add("-DMISHAPS=1");
        Spin.Outcome outcome = spin(mutation.change().apply(model)).search(parameters.toArray(String[]::new));
        assertEquals(mutation.violates(), outcome.violated(), outcome.output());
    }

    @Test
    void aTimerThatActsForEverIsFoundOut() throws Exception {
        HandoverModel idle = model.with(
                "state[me] == CHILD_FAILED) && nothingHeard -> skip }",
                "state[me] == CHILD_FAILED) && nothingHeard -> make_ABORT(me); goto killChild }");
        assertEquals("CYCLE", spin(idle).searchCycle("-DMISHAPS=0").violated());
    }

    // ---- the model is made from the code

    @Test
    void whatIsCheckedIsLeftBehindForTheCurious() throws Exception {
        Path target = Files.createDirectories(Path.of("target"));
        Files.writeString(target.resolve("handover.pml"), model.promela());
    }

    @ParameterizedTest
    @EnumSource
    void aMoveWithoutAFragmentIsRefused(Move move) throws Exception {
        String template = HandoverModel.template();
        String without = template.replace("@move " + move + ":", "in the end of " + move);
        assertNotEquals(template, without);
        assertThrows(IllegalArgumentException.class, () -> HandoverModel.of(without));
    }

    @Test
    void aFragmentWithoutAMoveIsRefused() throws Exception {
        String template = HandoverModel.template() + "/* @move FLY: nowhere */\n/* @end */\n";
        assertThrows(IllegalArgumentException.class, () -> HandoverModel.of(template));
    }
}
