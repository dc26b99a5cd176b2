package io.tableflip.examples;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Options of the form {@code --name value}. Immutable. */
final class Args {
    private final Map<String, String> values;

    private Args(Map<String, String> values) {
        this.values = Map.copyOf(values);
    }

    static Args parse(List<String> words, Set<String> names) throws UsageException {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < words.size(); i += 2) {
            String name = words.get(i);
            if (!names.contains(name)) {
                throw new UsageException("unknown option " + name);
            }
            if (i + 1 == words.size()) {
                throw new UsageException(name + " needs a value");
            }
            if (values.put(name, words.get(i + 1)) != null) {
                throw new UsageException(name + " is given twice");
            }
        }
        return new Args(values);
    }

    @Nullable
    String text(String name) {
        return values.get(name);
    }

    <T> T required(String name, Function<String, T> read) throws UsageException {
        String value = values.get(name);
        if (value == null) {
            throw new UsageException(name + " is missing");
        }
        return read(name, value, read);
    }

    Duration duration(String name, Duration otherwise) throws UsageException {
        return value(name, Durations::parse, otherwise);
    }

    Duration positive(String name, Duration otherwise) throws UsageException {
        Duration time = duration(name, otherwise);
        if (time.isZero()) {
            throw new UsageException(name + ": has to be more than 0");
        }
        return time;
    }

    /** The value as the function reads it; its {@link IllegalArgumentException} is told as wrong usage. */
    <T> T value(String name, Function<String, T> read, T otherwise) throws UsageException {
        String value = values.get(name);
        return value == null ? otherwise : read(name, value, read);
    }

    private static <T> T read(String name, String value, Function<String, T> read) throws UsageException {
        try {
            return read.apply(value);
        } catch (NumberFormatException e) {
            throw new UsageException(name + ": not a number: " + value);
        } catch (IllegalArgumentException e) {
            throw new UsageException(name + ": " + e.getMessage());
        }
    }

    /** An address of the form {@code host:port}; without a host it means all addresses of this machine. */
    static InetSocketAddress address(String text) {
        int colon = text.lastIndexOf(':');
        String host = text.substring(0, Math.max(0, colon));
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        }
        int port = port(text.substring(colon + 1));
        if (colon < 0 || port < 0) {
            throw new IllegalArgumentException("not an address such as 127.0.0.1:8080: " + text);
        }
        InetSocketAddress address = host.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw new IllegalArgumentException("unknown host: " + host);
        }
        return address;
    }

    /** The address of a channel, as {@link #address} reads it. */
    static String text(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    /** Not a regular expression, which would be the first of a server that starts. Less than 0 if it is no port. */
    private static int port(String digits) {
        int port = digits.isEmpty() || digits.length() > 5 ? -1 : 0;
        for (int i = 0; i < digits.length() && port >= 0; i++) {
            int digit = digits.charAt(i) - '0';
            port = digit < 0 || digit > 9 ? -1 : port * 10 + digit;
        }
        return port > 0xffff ? -1 : port;
    }
}
