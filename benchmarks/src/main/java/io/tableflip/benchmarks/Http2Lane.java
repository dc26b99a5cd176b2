package io.tableflip.benchmarks;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslContext;
import io.tableflip.examples.FailureKind;
import java.net.ConnectException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One connection of an {@link Http2Load}, and those that follow it. For the event loop's thread. */
final class Http2Lane implements Http2LoadConnection.Owner {
    private final Bootstrap bootstrap;
    private final EventLoop loop;
    private final Consumer<Outcome> outcomes;
    /** What waits for a connection. */
    private final Queue<Http2Exchange> waiting = new ArrayDeque<>();

    private final List<Http2LoadConnection> connections = new ArrayList<>();
    /** Takes new streams. */
    private @Nullable Http2LoadConnection open;

    private boolean connecting;
    private int connects;
    private int goAways;
    private int idleEnds;
    private int idleBroken;

    Http2Lane(Bootstrap bootstrap, EventLoop loop, SslContext tls, Consumer<Outcome> outcomes) {
        this.loop = loop;
        this.outcomes = outcomes;
        this.bootstrap = bootstrap.clone(loop).handler(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                connections.add(Http2LoadConnection.add(channel, tls, Http2Lane.this));
            }
        });
    }

    int connects() {
        return connects;
    }

    int goAways() {
        return goAways;
    }

    int idleEnds() {
        return idleEnds;
    }

    int idleBroken() {
        return idleBroken;
    }

    void send(long intended) {
        waiting.add(new Http2Exchange(loop, intended, outcomes));
        if (open == null) {
            connect();
        } else {
            sendWaiting();
        }
    }

    private void sendWaiting() {
        while (!waiting.isEmpty() && open != null && open.hasRoom()) {
            Http2Exchange exchange = waiting.remove();
            if (!exchange.hasEnded()) {
                open.begin(exchange);
            }
        }
    }

    private void connect() {
        if (connecting) {
            return;
        }
        connecting = true;
        bootstrap.connect().addListener((ChannelFuture connected) -> {
            if (connected.isSuccess()) {
                connects++;
            } else {
                fail(connected.cause() instanceof ConnectException ? FailureKind.REFUSED : FailureKind.CLIENT);
            }
        });
    }

    private void fail(FailureKind kind) {
        connecting = false;
        connections.removeIf(connection -> !connection.isOpen());
        List<Http2Exchange> failed = new ArrayList<>(waiting);
        waiting.clear();
        failed.forEach(exchange -> exchange.end(kind));
    }

    @Override
    public void usable(Http2LoadConnection connection) {
        connecting = false;
        open = connection;
        sendWaiting();
    }

    @Override
    public void hasRoom(Http2LoadConnection connection) {
        if (open == connection) {
            sendWaiting();
        }
    }

    @Override
    public void goneAway(Http2LoadConnection connection) {
        goAways++;
        leave(connection);
    }

    private void leave(Http2LoadConnection connection) {
        if (open == connection) {
            open = null;
            if (!waiting.isEmpty()) {
                connect();
            }
        }
    }

    @Override
    public void ended(Http2LoadConnection connection, Http2LoadConnection.End end) {
        connections.remove(connection);
        switch (end) {
            case UNUSED -> fail(connection.isBroken() ? FailureKind.RESET : FailureKind.EOF);
            case IDLE -> idleEnds++;
            case IDLE_BROKEN -> idleBroken++;
            case BUSY, OURS -> {}
        }
        leave(connection);
    }

    void close() {
        List.copyOf(connections).forEach(Http2LoadConnection::close);
    }
}
