package io.tableflip.examples;

import io.netty.channel.ChannelException;
import io.tableflip.ctl.Ctl;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/** The command line of the examples. */
public final class Main {
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;

    private Main() {}

    /** Runs the program that the first argument names. Ends with 1 if it fails, with 2 if the arguments make no sense. */
    public static void main(String[] args) throws Exception {
        // One line for each message, with the process: after an upgrade two of them write to the same terminal.
        String format = "%1$tT.%1$tL [" + ProcessHandle.current().pid() + "] %4$s %5$s%6$s%n";
        System.getProperties().putIfAbsent("java.util.logging.SimpleFormatter.format", format);
        int status;
        try {
            status = run(Arrays.asList(args));
        } catch (UsageException e) {
            System.err.println(e.getMessage() + "\n\n" + usage());
            status = WRONG_USAGE;
        } catch (IOException | InvalidConfigException | ChannelException | IllegalStateException e) {
            Throwable cause = e instanceof IllegalStateException && e.getCause() != null ? e.getCause() : e;
            System.err.println("failed: " + cause.getMessage());
            status = FAILED;
        }
        // Not just a return: a helper thread of Netty would keep the JVM for a second, and with it delay the next
        // upgrade.
        System.exit(status);
    }

    private static int run(List<String> args) throws Exception {
        String program = args.isEmpty() ? "" : args.get(0);
        List<String> options = args.subList(Math.min(1, args.size()), args.size());
        if (!options.isEmpty() && options.get(0).equals(program)) {
            return run(options); // a start script that names the program itself gets the name again at each upgrade
        }
        switch (program) {
            case "http" -> HttpExample.run(HttpOptions.parse(options), args);
            case "websocket" -> WebSocketExample.run(ServiceOptions.parse(options));
            case "chat" -> ChatExample.run(ServiceOptions.parse(options));
            case "load" -> {
                return load(options);
            }
            case "ctl" -> {
                return Ctl.run(options, System.out, System.err);
            }
            case "demo" -> {
                return Demo.run(DemoOptions.parse(options)) ? 0 : FAILED;
            }
            default -> throw new UsageException(program.isEmpty() ? "which program?" : "unknown program " + program);
        }
        return 0;
    }

    private static int load(List<String> options) throws UsageException, IOException {
        try (StrictLoad load = LoadOptions.parse(options).start()) {
            LoadResult result = load.await();
            new LoadReport(System.out).print(result);
            return result.isClean() ? 0 : FAILED;
        }
    }

    private static String usage() {
        return "usage: java -jar tableflip-examples.jar PROGRAM OPTIONS\n\n" + HttpOptions.USAGE + "\n"
                + ServiceOptions.USAGE + "\n" + LoadOptions.USAGE + "\n" + DemoOptions.USAGE
                + "\nctl upgrade|status --pid-file PATH: see ctl help\n";
    }
}
