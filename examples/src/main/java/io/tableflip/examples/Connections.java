package io.tableflip.examples;

import io.tableflip.netty.DrainPolicy;

/** What an upgrade does with the connections of a server: the option {@code --connections}. */
enum Connections {
    /** They go on in the new process, if they can. */
    TRANSFER,
    /** Their clients are asked to leave. */
    DRAIN;

    static Connections parse(String text) {
        return switch (text) {
            case "transfer" -> TRANSFER;
            case "drain" -> DRAIN;
            default -> throw new IllegalArgumentException("neither transfer nor drain: " + text);
        };
    }

    /** @param drain how clients are asked to leave whose connections are not transferred */
    DrainPolicy policy(DrainPolicy drain) {
        return this == TRANSFER ? drain.transferFirst() : drain;
    }
}
