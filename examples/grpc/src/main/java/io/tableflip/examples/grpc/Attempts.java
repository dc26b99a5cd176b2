package io.tableflip.examples.grpc;

import io.grpc.CallOptions;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What gRPC does for one call: it may begin it anew when an attempt has ended before anything was sent. */
final class Attempts extends ClientStreamTracer.Factory {
    private final AtomicInteger sent = new AtomicInteger();

    CallOptions options() {
        return CallOptions.DEFAULT.withDeadlineAfter(30, TimeUnit.SECONDS).withStreamTracerFactory(this);
    }

    @Override
    public ClientStreamTracer newClientStreamTracer(ClientStreamTracer.StreamInfo info, Metadata headers) {
        return new ClientStreamTracer() {
            @Override
            public void outboundHeaders() {
                sent.incrementAndGet();
            }
        };
    }

    /** After a call that has succeeded in the end. */
    void assertSentOnce() {
        if (sent.get() != 1) {
            throw new IllegalStateException("sent " + sent + " times");
        }
    }
}
