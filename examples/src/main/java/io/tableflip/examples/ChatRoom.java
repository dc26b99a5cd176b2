package io.tableflip.examples;

import io.netty.channel.Channel;
import io.tableflip.netty.transfer.Leaving;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Those who talk with each other. Thread-safe.
 *
 * <p>In an upgrade the members are transferred one after the other, and for a moment the room is in two
 * processes. Nobody may miss what is said then. So a member leaves the old process only when all have stopped
 * talking there, and the new process repeats to each that arrives what was said before.
 */
final class ChatRoom {
    private final String name;
    private final CompletableFuture<Void> allArrived;
    private final Set<Channel> members = new LinkedHashSet<>(); // guarded by this, as are the others
    private final List<String> missed = new ArrayList<>();
    private final List<Leaving.Postponement> leaving = new ArrayList<>();

    private ChatRoom(String name, CompletableFuture<Void> allArrived) {
        this.name = name;
        this.allArrived = allArrived;
    }

    /** All rooms. Thread-safe. */
    static final class Directory {
        private final Map<String, ChatRoom> rooms = new ConcurrentHashMap<>();
        private final CompletableFuture<Void> allArrived;

        /** @param allArrived when no more members come from the old process */
        Directory(CompletableFuture<Void> allArrived) {
            this.allArrived = allArrived;
        }

        ChatRoom get(String name) {
            return rooms.computeIfAbsent(name, key -> new ChatRoom(key, allArrived));
        }
    }

    String name() {
        return name;
    }

    synchronized int size() {
        return members.size();
    }

    synchronized void say(String line) {
        members.forEach(member -> member.writeAndFlush(line + "\n"));
        if (allArrived.isDone()) {
            missed.clear();
        } else {
            missed.add(line);
        }
    }

    synchronized void add(Channel member) {
        members.add(member);
    }

    /** Adds a member that was here in the old process. */
    synchronized void addArrived(Channel member) {
        missed.forEach(line -> member.write(line + "\n"));
        member.flush();
        members.add(member);
    }

    synchronized void remove(Channel member) {
        members.remove(member);
        goIfAllAreLeaving();
    }

    /** One of the members will be transferred, and says no more until then. */
    synchronized void leaves(Leaving.Postponement postponement) {
        leaving.add(postponement);
        goIfAllAreLeaving();
    }

    private void goIfAllAreLeaving() {
        if (leaving.size() >= members.size()) {
            leaving.forEach(Leaving.Postponement::end);
            leaving.clear();
        }
    }
}
