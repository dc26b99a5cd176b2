package io.tableflip.core.resources;

/**
 * More may be needed than is free.
 *
 * @param text what, the figures, what happens then, and the remedy
 * @param soft whether that is slow rather than fatal
 */
record Shortage(String text, boolean soft) {}
