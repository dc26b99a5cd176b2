package io.tableflip.core.os;

import static java.lang.System.Logger.Level.WARNING;

import io.tableflip.core.log.Log;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * Handlers for signals. {@code sun.misc.Signal} is all that the JDK has for that; it is called by reflection
 * because javac warns of it in a way that cannot be switched off.
 */
public final class Signals {
    private static final System.Logger LOG = Log.get();

    private Signals() {}

    /**
     * Installs a handler, or says in the log why that is impossible.
     *
     * @param name without "SIG"
     * @return takes the handler out again
     * @throws IllegalArgumentException if there is no such signal
     */
    public static Runnable handle(String name, Runnable action) {
        try {
            Class<?> signalType = Class.forName("sun.misc.Signal");
            Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
            Object signal = newSignal(signalType, name);
            Object handler = handler(handlerType, name, action);
            Method handle = signalType.getMethod("handle", signalType, handlerType);
            Object before = handle.invoke(null, signal, handler);
            if (handlerType.getField("SIG_IGN").get(null).equals(before)) {
                // the JVM installs nothing then, and does not say so
                LOG.log(
                        WARNING,
                        "SIG{0} has been ignored since the start of this process (nohup does that): it will have no effect",
                        name);
            }
            return () -> undo(handle, signal, before);
        } catch (InvocationTargetException e) {
            LOG.log(
                    WARNING,
                    "SIG{0} cannot be handled ({1}): the JVM runs with -Xrs or uses it itself; it has the effect it would have"
                            + " without tableflip",
                    name,
                    e.getCause());
        } catch (ReflectiveOperationException e) {
            LOG.log(WARNING, "SIG" + name + " cannot be handled: the module jdk.unsupported is missing", e);
        }
        return () -> {};
    }

    /** Has the class of the handlers made, without any effect. */
    public static void prepare() throws ClassNotFoundException {
        handler(Class.forName("sun.misc.SignalHandler"), "none", () -> {});
    }

    private static Object handler(Class<?> type, String name, Runnable action) {
        return Proxy.newProxyInstance(
                type.getClassLoader() == null ? Signals.class.getClassLoader() : type.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "equals" -> proxy == arguments[0];
                    case "hashCode" -> System.identityHashCode(proxy);
                    case "toString" -> "tableflip handler of SIG" + name;
                    default -> {
                        action.run();
                        yield null;
                    }
                });
    }

    private static void undo(Method handle, Object signal, Object before) {
        try {
            handle.invoke(null, signal, before);
        } catch (ReflectiveOperationException e) {
            LOG.log(WARNING, "the handler of " + signal + " stays", e);
        }
    }

    private static Object newSignal(Class<?> type, String name) throws ReflectiveOperationException {
        try {
            return type.getConstructor(String.class).newInstance(name);
        } catch (InvocationTargetException e) {
            throw new IllegalArgumentException("there is no signal SIG" + name, e.getCause());
        }
    }
}
