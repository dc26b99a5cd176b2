package io.tableflip.netty.engine;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import org.jspecify.annotations.Nullable;

/**
 * A connection whose handlers know where its messages end. All methods are called on its event loop.
 *
 * <p>The order is: {@link #prepare}, {@link #obstacle} until there is none, {@link #record} and
 * {@link #transferred} in one task of the loop. {@link #callOff} may come at any time between {@code prepare}
 * and {@code transferred}.
 */
public interface Transferable {
    /** What the first handler of such a connection sets. */
    AttributeKey<Transferable> KEY = AttributeKey.valueOf(Transferable.class, "connection");

    /** The obstacle between the word to the application and the end of what it had under way. It is short. */
    String BEING_NOTIFIED = "being notified";

    /** That of this channel; {@code null} if no handler knows its boundaries. */
    static @Nullable Transferable of(Channel channel) {
        return channel.attr(KEY).get();
    }

    /**
     * Why this connection can never be transferred, whatever happens: {@code tls}, {@code http/2}. A short
     * name for reports. {@code null} if it can be at some boundary. The answer may become another one at any
     * time: the application refuses, or the client closes its side. Then {@link #obstacle} has the same
     * answer.
     */
    @Nullable
    String neverReason();

    /**
     * Reads on to the next boundary and stops reading there; then the application learns that the connection
     * is about to leave.
     *
     * @param settled called whenever {@link #obstacle} may have another answer: in a task of the loop, in
     *     which the connection may be transferred
     */
    void prepare(Runnable settled);

    /**
     * Why this connection cannot be transferred in this moment, as a short name for reports: {@code response
     * owed}. {@code null} if it can be.
     */
    @Nullable
    String obstacle();

    /**
     * What the other process has to know: bytes that were read and are part of no message that the
     * application has seen, the state of the application. Only while there is no obstacle.
     */
    byte[] record();

    /**
     * The other process has this connection. Tells the application, and closes the channel in a way that its
     * client does not see.
     */
    void transferred();

    /** The connection stays in this process, which goes on reading. Does nothing if it was not prepared. */
    void callOff();
}
