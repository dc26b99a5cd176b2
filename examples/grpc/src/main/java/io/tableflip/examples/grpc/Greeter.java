package io.tableflip.examples.grpc;

import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** The service: what protoc would generate for two methods on strings, and what they do. */
final class Greeter {
    /** So many messages make a whole stream. */
    static final int STREAMED = 30;

    static final MethodDescriptor<String, String> GREET = method("Greet", MethodType.UNARY);
    static final MethodDescriptor<String, String> STREAM = method("Stream", MethodType.SERVER_STREAMING);

    private Greeter() {}

    static ServerServiceDefinition service(String greeting, ScheduledExecutorService timer) {
        return ServerServiceDefinition.builder("tableflip.Greeter")
                .addMethod(GREET, ServerCalls.asyncUnaryCall((request, answers) -> greet(greeting, answers)))
                .addMethod(
                        STREAM,
                        ServerCalls.asyncServerStreamingCall(
                                (request, answers) -> stream(greeting, answers, timer, STREAMED)))
                .build();
    }

    private static void greet(String greeting, StreamObserver<String> answers) {
        answers.onNext(greeting);
        answers.onCompleted();
    }

    private static void stream(
            String greeting, StreamObserver<String> answers, ScheduledExecutorService timer, int left) {
        if (((ServerCallStreamObserver<String>) answers).isCancelled()) {
            return;
        }
        if (left == 0) {
            answers.onCompleted();
            return;
        }
        answers.onNext(greeting);
        timer.schedule(() -> stream(greeting, answers, timer, left - 1), 50, TimeUnit.MILLISECONDS);
    }

    private static MethodDescriptor<String, String> method(String name, MethodType type) {
        return MethodDescriptor.<String, String>newBuilder(new Text(), new Text())
                .setType(type)
                .setFullMethodName(MethodDescriptor.generateFullMethodName("tableflip.Greeter", name))
                .build();
    }

    private static final class Text implements Marshaller<String> {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
