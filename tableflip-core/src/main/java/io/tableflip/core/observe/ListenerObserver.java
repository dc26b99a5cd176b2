package io.tableflip.core.observe;

import io.tableflip.core.DrainReport;
import io.tableflip.core.LifecycleListener;
import io.tableflip.core.UpgradeException;

/** Tells the user's listener. */
final class ListenerObserver implements Observer {
    private final LifecycleListener listener;

    ListenerObserver(LifecycleListener listener) {
        this.listener = listener;
    }

    @Override
    public void spawned(long pid) {
        listener.spawned(pid);
    }

    @Override
    public void takenOver(long pid) {
        listener.childReady(pid);
    }

    @Override
    public void drainBegan() {
        listener.draining();
    }

    @Override
    public void drained(DrainReport report) {
        listener.drained(report);
    }

    @Override
    public void upgraded(long pid) {
        listener.committed(pid);
    }

    @Override
    public void upgradeFailed(UpgradeException reason) {
        listener.rolledBack(reason);
    }

    @Override
    public void parentExited() {
        listener.parentExited();
    }
}
