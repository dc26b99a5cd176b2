package io.tableflip.examples;

/**
 * Which process answered.
 *
 * @param pid its process id
 * @param generation its number in the chain of upgrades
 */
public record ServerId(long pid, int generation) {
    /** Stands for any server when bodies are not looked at. */
    public static final ServerId UNKNOWN = new ServerId(0, 0);

    @Override
    public String toString() {
        return equals(UNKNOWN) ? "a server" : "process " + pid + " (generation " + generation + ")";
    }
}
