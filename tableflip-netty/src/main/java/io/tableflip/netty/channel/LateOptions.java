package io.tableflip.netty.channel;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.netty.bootstrap.AbstractBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOption;
import io.tableflip.core.FdName;
import io.tableflip.core.log.Log;
import java.util.Map;
import java.util.Objects;

/**
 * Options that the system refuses for a socket that has its address: IPV6_V6ONLY, for example. An inherited
 * socket has what its first owner has set, and Netty would let the bind fail.
 */
final class LateOptions {
    private static final System.Logger LOG = Log.get();

    private LateOptions() {}

    /**
     * Sets the options of a bootstrap on this channel as far as possible, and takes them out of the
     * bootstrap, which would set them once more.
     *
     * @param bootstrap a copy of the user's, for this channel alone
     */
    static void apply(AbstractBootstrap<?, ?> bootstrap, Channel channel, FdName name) {
        Map<ChannelOption<?>, Object> options = bootstrap.config().options();
        options.forEach((option, value) -> {
            if (!option.equals(ChannelOption.AUTO_READ) && isDone(channel, option, value, name)) {
                bootstrap.option(option, null);
            }
        });
    }

    /**
     * Whether the option needs no more attention. One that the channel does not know is left to Netty's
     * warning.
     */
    @SuppressWarnings("unchecked") // a bootstrap has taken no value of another type
    private static <T> boolean isDone(Channel channel, ChannelOption<T> option, Object value, FdName name) {
        try {
            return channel.config().setOption(option, (T) value);
        } catch (ChannelException e) {
            Object actual = actual(channel, option);
            LOG.log(
                    Objects.equals(actual, value) ? DEBUG : WARNING,
                    "{0}: {1} is {2} and was to be {3}, but cannot be changed for an inherited socket ({4}): a restart sets it",
                    name,
                    option,
                    actual,
                    value,
                    e.getMessage());
            return true;
        }
    }

    private static Object actual(Channel channel, ChannelOption<?> option) {
        try {
            return Objects.requireNonNullElse(channel.config().getOption(option), "not known");
        } catch (ChannelException e) {
            return "not known";
        }
    }
}
