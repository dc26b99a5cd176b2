package io.tableflip.netty.drain;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.RawUnixChannelOption;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** What was written to a connection and has not reached its peer: in Netty, and in the kernel. */
final class SendQueue {
    // linux/in.h, linux/tcp.h
    private static final int IPPROTO_TCP = 6;
    private static final int TCP_INFO = 11;
    private static final int TCPI_UNACKED = 24;
    private static final int TCPI_NOTSENT_BYTES = 144;
    private static final RawUnixChannelOption INFO =
            new RawUnixChannelOption("TCP_INFO", IPPROTO_TCP, TCP_INFO, TCPI_NOTSENT_BYTES + Integer.BYTES);

    private SendQueue() {}

    /** Whether the kernel has everything. On the loop of the channel. */
    static boolean isFlushed(Channel channel) {
        ChannelOutboundBuffer pending = channel.unsafe().outboundBuffer();
        return pending == null || pending.totalPendingWriteBytes() == 0;
    }

    /**
     * Whether the kernel of the peer has acknowledged everything, the end of the stream included. A Unix
     * socket hands everything over immediately; of other channels nothing is known, and they count as empty.
     */
    static boolean isEmpty(Channel channel) {
        if (!(channel instanceof EpollSocketChannel) || !channel.isOpen()) {
            return true;
        }
        try {
            ByteBuffer info = channel.config().getOption(INFO).order(ByteOrder.nativeOrder());
            return info.getInt(TCPI_UNACKED) == 0 && info.getInt(TCPI_NOTSENT_BYTES) == 0;
        } catch (ChannelException e) {
            return true; // it has just been closed
        }
    }
}
