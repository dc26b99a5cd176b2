package io.tableflip.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.tableflip.netty.transfer.Leaving;
import io.tableflip.netty.transfer.TransferEvent;
import io.tableflip.netty.transfer.TransferredConnection;
import java.util.Optional;

/**
 * One client of {@link ChatExample}. Its name and its room go on in the new process, and nobody hears that it
 * moves.
 */
final class ChatSession extends SimpleChannelInboundHandler<String> {
    private static final String STATE = "chat";

    private final ChatRoom.Directory rooms;
    private ChatRoom room;
    private String nick = "";
    private boolean transferred;

    ChatSession(ChatRoom.Directory rooms) {
        this.rooms = rooms;
        room = rooms.get("lobby");
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        Optional<byte[]> state = TransferredConnection.of(ctx.channel()).flatMap(connection -> connection.state(STATE));
        if (state.isPresent()) {
            String[] nickAndRoom = new String(state.get(), UTF_8).split("\n", -1);
            nick = nickAndRoom[0];
            room = rooms.get(nickAndRoom[1]);
            room.addArrived(ctx.channel());
        } else {
            nick = "guest-" + ctx.channel().id().asShortText();
            join(ctx, room);
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, String line) {
        String[] words = line.strip().split("\\s+", -1);
        switch (words.length == 2 ? words[0] + " " : words[0]) {
            case "/nick " -> {
                room.say("* " + nick + " is " + words[1] + " now");
                nick = words[1];
            }
            case "/join " -> {
                leave(ctx);
                join(ctx, rooms.get(words[1]));
            }
            case "/who" -> ctx.writeAndFlush("* " + nick + ", in " + room.name() + " with " + room.size() + "\n");
            case "/quit" -> ctx.close();
            default -> room.say(nick + ": " + line);
        }
    }

    private void join(ChannelHandlerContext ctx, ChatRoom next) {
        room = next;
        room.add(ctx.channel());
        room.say("* " + nick + " has joined " + room.name());
    }

    private void leave(ChannelHandlerContext ctx) {
        room.remove(ctx.channel());
        if (!transferred) {
            room.say("* " + nick + " has left " + room.name());
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof Leaving leaving) {
            leaving.state(STATE, (nick + "\n" + room.name()).getBytes(UTF_8));
            room.leaves(leaving.postpone());
        }
        transferred |= event == TransferEvent.TRANSFERRED;
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        leave(ctx);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close(); // gone, or a line that is too long
    }
}
