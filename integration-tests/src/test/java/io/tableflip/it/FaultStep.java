package io.tableflip.it;

import java.util.Arrays;
import java.util.List;

/** A step of an upgrade at which something can happen: a row of the table in docs/faults.md. In the order of an upgrade. */
enum FaultStep {
    BEFORE_SPAWN("before the spawn", "command", "command"),
    AFTER_SPAWN("after the spawn", "script", "spawned"),
    NAMES("while names are written", "script", ""),
    MAIN("child's main", "main", "main"),
    BEFORE_BIND("before the bind", "built", "built"),
    AFTER_BIND("after the bind", "bound", "bound"),
    TAKEOVER_SENT("TAKEOVER sent", "TAKEOVER_RECEIVED", "resume"),
    DRAINING("draining", "drain", "pause drain"),
    DRAINED_SENT("DRAINED sent", "DRAINED_RECEIVED", "drained"),
    BEFORE_PID_FILE("before the PID file", "PID_FILE", ""),
    BEFORE_READY("before READY", "READY", ""),
    AFTER_READY("after READY", "READY_RECEIVED", "committed"),
    LINGERING("lingering", "release", "release"),
    TRANSFERRING("transferring", "leaving", "leaving"),
    HALF_TRANSFERRED("half transferred", "arrived", "arrived"),
    BEFORE_EXIT("before the exit", "exiting", "exiting");

    private final String label;
    private final String event;
    private final String throwing;

    /** @param throwing the events of this step at which code of the user's runs, and can throw; separated by blanks */
    FaultStep(String label, String event, String throwing) {
        this.label = label;
        this.event = event;
        this.throwing = throwing;
    }

    static FaultStep of(String label) {
        return Arrays.stream(values())
                .filter(step -> step.label.equals(label))
                .findFirst()
                .orElseThrow(
                        () -> new AssertionError("docs/faults.md has a row \"" + label + "\" that is no FaultStep"));
    }

    String label() {
        return label;
    }

    /** By which it is reached. */
    String event() {
        return event;
    }

    List<String> throwing() {
        return List.of(throwing.split(" ", -1));
    }

    /** The events of the steps after this one: none of them has happened while this one is held. */
    List<String> laterEvents() {
        return Arrays.stream(values())
                .filter(step -> step.compareTo(this) > 0 && !step.event.equals(event))
                .map(FaultStep::event)
                .toList();
    }

    /** Held open by a request that is under way in the parent, rather than by a process that stands still. */
    boolean isHeldByRequest() {
        return this == DRAINING || this == LINGERING;
    }

    /** Connections go to the child; in the other rows they are drained. */
    boolean transfers() {
        return this == TRANSFERRING || this == HALF_TRANSFERRED;
    }

    /** Long enough to look at a drain, or no time for a commit that does not wait for one. */
    long readyAfterMillis() {
        return this == LINGERING ? 0 : 20_000;
    }

    /** Descriptors with names of 4 kB each: more than the pipe takes. */
    int names() {
        return this == NAMES ? 300 : 0;
    }
}
