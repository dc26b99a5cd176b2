package io.tableflip.examples.grpc;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.tableflip.examples.SteadyCalls;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Calls the example over channels that live long and over new ones, and sends no call twice. What the library has not sent, since it has met
 * the GOAWAY on its way to the connection, goes to the next connection, as for every user who has not switched that off ({@code disableRetry}): no
 * server can have a part in it. Arguments: host and port.
 */
public final class GrpcClient {
    private GrpcClient() {}

    public static void main(String[] args) throws Exception {
        String host = args[0];
        int port = Integer.parseInt(args[1]);
        ManagedChannel channel = open(host, port);
        ManagedChannel streams = open(host, port);
        int status = new SteadyCalls()
                .caller("unary", () -> greet(channel))
                .caller("unary", () -> greet(channel))
                .caller("unary", () -> greet(channel))
                .caller("stream", () -> stream(channel))
                .caller("stream", () -> stream(streams))
                .caller("stream", () -> stream(streams))
                .caller("new", () -> greetOnce(host, port))
                .run();
        close(channel);
        close(streams);
        System.exit(status);
    }

    private static ManagedChannel open(String host, int port) {
        return NettyChannelBuilder.forAddress(host, port).usePlaintext().build();
    }

    private static String greet(ManagedChannel channel) {
        Attempts attempts = new Attempts();
        String answer = ClientCalls.blockingUnaryCall(channel, Greeter.GREET, attempts.options(), "");
        attempts.assertSentOnce();
        return answer;
    }

    private static String greetOnce(String host, int port) throws InterruptedException {
        ManagedChannel channel = open(host, port);
        try {
            return greet(channel);
        } finally {
            close(channel);
        }
    }

    /** All messages of a stream, which must be whole and from one process. */
    private static String stream(ManagedChannel channel) {
        Attempts attempts = new Attempts();
        Iterator<String> answers =
                ClientCalls.blockingServerStreamingCall(channel, Greeter.STREAM, attempts.options(), "");
        List<String> all = new ArrayList<>();
        answers.forEachRemaining(all::add);
        attempts.assertSentOnce();
        if (all.size() != Greeter.STREAMED || Collections.frequency(all, all.get(0)) != all.size()) {
            throw new IllegalStateException("not a whole stream: " + all);
        }
        return all.get(0);
    }

    private static void close(ManagedChannel channel) throws InterruptedException {
        channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
    }
}
