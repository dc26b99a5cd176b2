package io.tableflip.examples.grpc;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.tableflip.examples.SteadyCalls;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Calls the example over channels that live long and over new ones, never twice. Arguments: host and port. */
public final class GrpcClient {
    private static final CallOptions OPTIONS = CallOptions.DEFAULT;

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
        return NettyChannelBuilder.forAddress(host, port)
                .usePlaintext()
                .disableRetry()
                .build();
    }

    private static String greet(ManagedChannel channel) {
        return ClientCalls.blockingUnaryCall(
                channel, Greeter.GREET, OPTIONS.withDeadlineAfter(30, TimeUnit.SECONDS), "");
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
        Iterator<String> answers = ClientCalls.blockingServerStreamingCall(
                channel, Greeter.STREAM, OPTIONS.withDeadlineAfter(30, TimeUnit.SECONDS), "");
        List<String> all = new ArrayList<>();
        answers.forEachRemaining(all::add);
        if (all.size() != Greeter.STREAMED || Collections.frequency(all, all.get(0)) != all.size()) {
            throw new IllegalStateException("not a whole stream: " + all);
        }
        return all.get(0);
    }

    private static void close(ManagedChannel channel) throws InterruptedException {
        channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
    }
}
