package io.tableflip.core.launch;

/** IPv6 addresses as people write them (RFC 5952, 4): the JDK spells all eight groups out. */
final class Ipv6Text {
    private static final int GROUPS = 8;

    private Ipv6Text() {}

    /** @param bytes sixteen, in network order */
    static String of(byte... bytes) {
        int[] groups = new int[GROUPS];
        for (int i = 0; i < GROUPS; i++) {
            groups[i] = ((bytes[2 * i] & 0xff) << 8) | (bytes[2 * i + 1] & 0xff);
        }
        int begin = longestRun(groups);
        int end = begin < 0 ? -1 : endOfRun(groups, begin);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < GROUPS; i++) {
            if (i == begin) {
                text.append("::");
                i = end - 1;
            } else {
                text.append(i == 0 || i == end ? "" : ":").append(Integer.toHexString(groups[i]));
            }
        }
        return text.toString();
    }

    /** Where the first of the longest runs of zeros begins; -1 if none has two. */
    private static int longestRun(int... groups) {
        int best = -1;
        int length = 1;
        for (int i = 0; i < GROUPS; i++) {
            int run = endOfRun(groups, i) - i;
            if (run > length) {
                best = i;
                length = run;
            }
        }
        return best;
    }

    private static int endOfRun(int[] groups, int begin) {
        int end = begin;
        while (end < GROUPS && groups[end] == 0) {
            end++;
        }
        return end;
    }
}
