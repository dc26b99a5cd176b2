package io.tableflip.netty;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;

import org.junit.jupiter.api.Test;

class ClassesAheadTest {
    /** A class that was renamed would be loaded later than it could be, and nobody would notice. */
    @Test
    void classesExist() {
        assertDoesNotThrow(() -> new ClassesAhead().load());
    }
}
