package io.tableflip.netty.transfer;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelPipeline;
import java.util.Map;
import java.util.function.Predicate;

/** What handlers a pipeline has, known by the names of their classes: not every program has their jars. */
final class Handlers {
    private static final String PROXY_DECODER = "io.netty.handler.codec.haproxy.HAProxyMessageDecoder";

    private Handlers() {}

    /** Whether it has Netty's decoder for the header of the PROXY protocol. */
    static boolean isProxyProtocol(ChannelPipeline pipeline) {
        return has(pipeline, type -> type.getName().equals(PROXY_DECODER));
    }

    /** Whether it speaks TLS, or may come to that with the first bytes. */
    static boolean isTls(ChannelPipeline pipeline) {
        return has(pipeline, type -> type.getPackageName().equals("io.netty.handler.ssl"));
    }

    private static boolean has(ChannelPipeline pipeline, Predicate<Class<?>> wanted) {
        for (Map.Entry<String, ChannelHandler> each : pipeline) {
            for (Class<?> type = each.getValue().getClass(); type != null; type = type.getSuperclass()) {
                if (wanted.test(type)) {
                    return true;
                }
            }
        }
        return false;
    }
}
