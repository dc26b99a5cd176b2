package io.tableflip.core.link;

import io.tableflip.core.FdName;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Names of descriptors in the form that goes over the wire: three strings, as in Go's tableflip. */
public final class WireNames {
    private static final List<FdName.Kind> KINDS = List.of(FdName.Kind.values());

    private WireNames() {}

    /**
     * What stands for the channel on which connections go to the child, behind all others: a process that
     * does not know it closes it.
     */
    public static final List<String> TRANSFER = List.of("transfer", "", "");

    /** A file has its name in the second place and nothing in the third. */
    public static List<String> encode(FdName name) {
        return name.kind() == FdName.Kind.FD
                ? List.of(name.kind().word(), name.address(), "")
                : List.of(name.kind().word(), name.network(), name.address());
    }

    /** The name on the wire; {@code null} if this library does not know its kind. */
    public static @Nullable FdName decode(List<String> parts) {
        if (parts.size() != 3) {
            return null;
        }
        for (FdName.Kind kind : KINDS) {
            if (kind.word().equals(parts.get(0))) {
                return decode(kind, parts.get(1), parts.get(2));
            }
        }
        return null;
    }

    private static @Nullable FdName decode(FdName.Kind kind, String second, String third) {
        try {
            return kind == FdName.Kind.FD ? FdName.file(second) : new FdName(kind, second, third);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
