/**
 * Netty servers whose listening sockets outlive the process, and whose connections are asked to leave
 * politely.
 *
 * <p>{@link io.tableflip.netty.UpgradableServers} binds. It makes a channel of the socket that the parent has
 * passed on, or of a new one, and puts a gate in front of it: the channel is bound, but nothing is accepted
 * until the program says {@link io.tableflip.core.Upgrader#ready()}. From then on the upgrader opens and
 * closes the gate, passes the socket on, and has the connections drained, all by itself.
 *
 * <p>{@link io.tableflip.netty.DrainPolicy} says how the connections of a listener are asked to leave. By
 * default a {@link io.tableflip.netty.DrainEvent} is fired through their pipelines;
 * {@link io.tableflip.netty.http.HttpDrainHandler} is the handler that understands it for HTTP/1.1,
 * {@link io.tableflip.netty.http.WebSocketDrainHandler} the one for WebSocket. A protocol of one's own needs
 * a handler like this one:
 *
 * <pre>{@code
 * public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
 *     if (event instanceof DrainEvent drain) {
 *         drain.notified(ctx.channel());
 *         ctx.writeAndFlush("BYE\r\n");           // the client finishes, and closes
 *     }
 *     ctx.fireUserEventTriggered(event);
 * }
 * }</pre>
 *
 * <p>The whole of a server:
 *
 * <pre>{@code
 * try (Upgrader upgrader = Upgrader.builder().upgradeOn("HUP").stopOn("TERM", "INT").build()) {
 *     EventLoopGroup boss = new EpollEventLoopGroup(1);
 *     EventLoopGroup io = new EpollEventLoopGroup();
 *     ServerBootstrap bootstrap = new ServerBootstrap()
 *             .group(boss, io)
 *             .childHandler(new ChannelInitializer<Channel>() {
 *                 protected void initChannel(Channel channel) {
 *                     channel.pipeline().addLast(new HttpServerCodec(), new HttpDrainHandler(), new MyHandler());
 *                 }
 *             });
 *     UpgradableServers.of(upgrader).bind(bootstrap, new InetSocketAddress(8080)).sync();
 *     upgrader.ready();
 *     upgrader.awaitExit();
 *     boss.shutdownGracefully();
 *     io.shutdownGracefully();
 * }
 * }</pre>
 *
 * <p>Event loops are shut down only after {@code awaitExit}: {@code shutdownGracefully} closes every
 * connection at once, with whatever is under way on it.
 */
@NullMarked
package io.tableflip.netty;

import org.jspecify.annotations.NullMarked;
