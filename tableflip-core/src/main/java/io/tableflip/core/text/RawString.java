package io.tableflip.core.text;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Strings for bytes that are UTF-8 most of the time: command lines, environments, paths. A byte {@code b}
 * that is not part of valid UTF-8 becomes the single surrogate {@code U+DC00 + b}, as in Python's
 * "surrogateescape", so that nothing is lost.
 */
public final class RawString {
    private static final char ESCAPE = '\uDC00';
    /** What Java makes of bytes that are not valid; it may also stand in the text itself. */
    private static final char REPLACEMENT = '\uFFFD';

    private RawString() {}

    public static String decode(byte[] bytes) {
        // in nearly all cases that is all, and a decoder of its own for each string is most of the time for a
        // table of names
        String plain = new String(bytes, StandardCharsets.UTF_8);
        return plain.indexOf(REPLACEMENT) < 0 ? plain : decodeEscaping(bytes);
    }

    private static String decodeEscaping(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        while (true) {
            CoderResult result = decoder.decode(in, out, true);
            if (!result.isError()) {
                return out.flip().toString();
            }
            for (int i = 0; i < result.length(); i++) {
                out.put((char) (ESCAPE | (in.get() & 0xff)));
            }
            decoder.reset();
        }
    }

    public static byte[] encode(String text) {
        byte[] plain = text.getBytes(StandardCharsets.UTF_8);
        return text.equals(new String(plain, StandardCharsets.UTF_8)) ? plain : encodeEscaped(text);
    }

    private static byte[] encodeEscaped(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(text.length());
        int plain = 0;
        for (int i = 0; i < text.length(); i++) {
            boolean pair = i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
            if (!pair && text.charAt(i) >= 0xDC80 && text.charAt(i) <= 0xDCFF) {
                out.writeBytes(text.substring(plain, i).getBytes(StandardCharsets.UTF_8));
                out.write(text.charAt(i) - ESCAPE);
                plain = i + 1;
            }
        }
        out.writeBytes(text.substring(plain).getBytes(StandardCharsets.UTF_8));
        return out.toByteArray();
    }

    /** The strings in a block in which each ends with NUL, as in {@code /proc/self/cmdline}. */
    public static List<String> decodeBlock(byte[] block) {
        List<String> strings = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < block.length; i++) {
            if (block[i] == 0) {
                strings.add(decode(Arrays.copyOfRange(block, start, i)));
                start = i + 1;
            }
        }
        if (start < block.length) {
            strings.add(decode(Arrays.copyOfRange(block, start, block.length)));
        }
        return strings;
    }

    /**
     * The variables in a block of {@code NAME=VALUE}, each with NUL behind it. The first one of a name
     * counts.
     */
    public static Map<String, String> decodeVariables(byte[] block) {
        return variables(decodeBlock(block));
    }

    /** The variables of a list of {@code NAME=VALUE}. The first one of a name counts. */
    public static Map<String, String> variables(List<String> list) {
        Map<String, String> variables = new LinkedHashMap<>();
        for (String variable : list) {
            int equals = variable.indexOf('=');
            if (equals > 0) {
                variables.putIfAbsent(variable.substring(0, equals), variable.substring(equals + 1));
            }
        }
        return variables;
    }
}
