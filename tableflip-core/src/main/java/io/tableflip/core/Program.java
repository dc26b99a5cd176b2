package io.tableflip.core;

/** A program that {@link Upgrader.Builder#run} runs. */
@FunctionalInterface
public interface Program {
    /**
     * Initialises the program: reads its configuration, binds its servers. It may call {@link
     * Upgrader#ready(WarmUp, java.time.Duration)}; otherwise it is declared ready when this method returns.
     *
     * @throws Exception ends the program; in a child the upgrade fails with its message, and the parent keeps
     *     serving
     */
    void start(Upgrader upgrader) throws Exception;
}
