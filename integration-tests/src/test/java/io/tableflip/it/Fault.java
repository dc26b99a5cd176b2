package io.tableflip.it;

import java.util.Arrays;

/** What happens to a process at a step of an upgrade: a column of the table in docs/faults.md. */
enum Fault {
    KILL_PARENT("KILL parent", "KILL", true),
    KILL_CHILD("KILL child", "KILL", false),
    STOP_PARENT("STOP parent", "STOP", true),
    STOP_CHILD("STOP child", "STOP", false),
    THROW("throw", "", true),
    CALL_STOP_PARENT("stop() parent", "", true),
    CALL_STOP_CHILD("stop() child", "", false),
    TERM_PARENT("TERM parent", "TERM", true),
    TERM_CHILD("TERM child", "TERM", false),
    HUP_PARENT("HUP parent", "HUP", true),
    HUP_CHILD("HUP child", "HUP", false);

    private final String label;
    private final String signal;
    private final boolean toParent;

    Fault(String label, String signal, boolean toParent) {
        this.label = label;
        this.signal = signal;
        this.toParent = toParent;
    }

    static Fault of(String label) {
        return Arrays.stream(values())
                .filter(fault -> fault.label.equals(label))
                .findFirst()
                .orElseThrow(
                        () -> new AssertionError("docs/faults.md has a column \"" + label + "\" that is no Fault"));
    }

    String label() {
        return label;
    }

    /** The signal that is sent, without "SIG"; empty if it is not one. */
    String signal() {
        return signal;
    }

    boolean isToParent() {
        return toParent;
    }

    boolean isKill() {
        return this == KILL_PARENT || this == KILL_CHILD;
    }

    boolean isFreeze() {
        return this == STOP_PARENT || this == STOP_CHILD;
    }

    boolean isCall() {
        return this == CALL_STOP_PARENT || this == CALL_STOP_CHILD;
    }
}
