package io.tableflip.netty;

import java.net.Socket;

/** Remembers options and does nothing with them: one of the JDK's makes a socket of the system's for the first of them. */
final class NoSocket extends Socket {
    private static final int BUFFER = 1 << 16;

    private boolean keepAlive;
    private boolean reuseAddress;
    private boolean tcpNoDelay;
    private int linger = -1;
    private int receiveBuffer = BUFFER;
    private int sendBuffer = BUFFER;
    private int trafficClass;

    @Override
    public boolean getKeepAlive() {
        return keepAlive;
    }

    @Override
    public void setKeepAlive(boolean on) {
        keepAlive = on;
    }

    @Override
    public boolean getReuseAddress() {
        return reuseAddress;
    }

    @Override
    public void setReuseAddress(boolean on) {
        reuseAddress = on;
    }

    @Override
    public boolean getTcpNoDelay() {
        return tcpNoDelay;
    }

    @Override
    public void setTcpNoDelay(boolean on) {
        tcpNoDelay = on;
    }

    @Override
    public int getSoLinger() {
        return linger;
    }

    @Override
    public void setSoLinger(boolean on, int seconds) {
        linger = on ? seconds : -1;
    }

    @Override
    public synchronized int getReceiveBufferSize() {
        return receiveBuffer;
    }

    @Override
    public synchronized void setReceiveBufferSize(int size) {
        receiveBuffer = size;
    }

    @Override
    public synchronized int getSendBufferSize() {
        return sendBuffer;
    }

    @Override
    public synchronized void setSendBufferSize(int size) {
        sendBuffer = size;
    }

    @Override
    public int getTrafficClass() {
        return trafficClass;
    }

    @Override
    public void setTrafficClass(int trafficClass) {
        this.trafficClass = trafficClass;
    }
}
