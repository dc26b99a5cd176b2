package io.tableflip.core.os;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.Pipe;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** Threads that open and close what a server opens and closes, without end. */
public final class Noise implements AutoCloseable {
    private final AtomicBoolean on = new AtomicBoolean(true);
    private final List<Thread> threads = new ArrayList<>();

    /** @param file is made, and opened again and again */
    public Noise(Path file) throws IOException {
        Files.createFile(file);
        add(() -> new RandomAccessFile(file.toFile(), "rw").close());
        add(() -> new FileInputStream(file.toFile()).close());
        add(() -> {
            Pipe pipe = Pipe.open();
            pipe.sink().close();
            pipe.source().close();
        });
        add(() -> {
            try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    Socket client = new Socket(server.getInetAddress(), server.getLocalPort());
                    Socket accepted = server.accept()) {
                client.setSoLinger(true, 0); // no TIME_WAIT
                accepted.setSoLinger(true, 0);
            }
        });
    }

    public interface Step {
        void run() throws IOException;
    }

    /** One more thread. */
    public void add(Step step) {
        Thread thread = new Thread(() -> {
            while (on.get()) {
                try {
                    step.run();
                } catch (IOException e) {
                    // out of something for a moment
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
        threads.add(thread);
    }

    public boolean isOn() {
        return on.get();
    }

    @Override
    public void close() {
        on.set(false);
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }
}
