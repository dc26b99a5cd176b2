package io.tableflip.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What wrk has measured: a closed loop, in which each of the connections sends its next request when it has the answer to the last one.
 *
 * @param requests that were answered
 * @param perSecond requests
 * @param p99Millis what 99% of the latencies do not exceed
 */
record Wrk(long requests, double perSecond, double p99Millis) {
    private static final Pattern REQUESTS = Pattern.compile("(\\d+) requests in");
    private static final Pattern RATE = Pattern.compile("Requests/sec:\\s+([\\d.]+)");
    private static final Pattern P99 = Pattern.compile("\\n\\s+99%\\s+([\\d.]+)(us|ms|s)");
    private static final Pattern ERRORS = Pattern.compile("(Socket errors|Non-2xx)[^\\n]*");

    /** Runs it, on one thread. */
    static Wrk run(Path wrk, int port, int connections, int seconds) throws IOException, InterruptedException {
        List<String> command = List.of(
                wrk.toString(),
                "-t1",
                "-c" + connections,
                "-d" + seconds + "s",
                "--latency",
                "http://127.0.0.1:" + port + "/");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new BenchmarkException("wrk: " + output);
        }
        return parse(output);
    }

    static Wrk parse(String output) {
        Matcher errors = ERRORS.matcher(output);
        if (errors.find()) {
            throw new BenchmarkException("wrk: " + errors.group());
        }
        Matcher requests = REQUESTS.matcher(output);
        Matcher rate = RATE.matcher(output);
        Matcher p99 = P99.matcher(output);
        if (!requests.find() || !rate.find() || !p99.find()) {
            throw new BenchmarkException("wrk says nothing that is known here: " + output);
        }
        double unit = switch (p99.group(2)) {
            case "us" -> 0.001;
            case "ms" -> 1;
            default -> 1000;
        };
        return new Wrk(
                Long.parseLong(requests.group(1)),
                Double.parseDouble(rate.group(1)),
                Double.parseDouble(p99.group(1)) * unit);
    }
}
