package io.tableflip.netty.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.unix.DomainSocketAddress;
import io.tableflip.core.FdName;
import io.tableflip.netty.FakeUpgrader;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;

class AddressesTest {
    private static final FdName NEW = FdName.listener("tcp", "0.0.0.0:9090");

    @Test
    void anAddressIsNamedAsItWasWritten() {
        assertEquals("127.0.0.1:8080", Addresses.text(at("127.0.0.1", 8080)));
        assertEquals("127.0.0.1:0", Addresses.text(at("127.0.0.1", 0)));
        assertEquals("example.invalid:80", Addresses.text(InetSocketAddress.createUnresolved("example.invalid", 80)));
        assertEquals("[::1]:8080", Addresses.text(at("::1", 8080)));
        assertEquals("[::]:8080", Addresses.text(at("::", 8080)));
        assertEquals("[2001:db8::1]:1", Addresses.text(at("2001:db8:0:0:0:0:0:1", 1)));
        assertEquals("/run/x", Addresses.text(new DomainSocketAddress("/run/x")));
    }

    @Test
    void thePortMustBeTheSameUnlessAnyWillDo() {
        assertTrue(Addresses.matches(at("127.0.0.1", 80), at("127.0.0.1", 80)));
        assertTrue(Addresses.matches(at("127.0.0.1", 0), at("127.0.0.1", 80)));
        assertFalse(Addresses.matches(at("127.0.0.1", 81), at("127.0.0.1", 80)));
    }

    @Test
    void theHostMustBeTheSameAndOneWildcardIsAsGoodAsTheOther() {
        assertFalse(Addresses.matches(at("127.0.0.2", 80), at("127.0.0.1", 80)));
        assertFalse(Addresses.matches(at("0.0.0.0", 80), at("127.0.0.1", 80)));
        assertFalse(Addresses.matches(at("127.0.0.1", 80), at("0.0.0.0", 80)));
        assertTrue(Addresses.matches(at("0.0.0.0", 80), at("::", 80)));
        assertFalse(Addresses.matches(InetSocketAddress.createUnresolved("127.0.0.1", 80), at("127.0.0.1", 80)));
    }

    @Test
    void theSameAddressCanBeWrittenTwice() {
        assertTrue(Addresses.same(at("127.0.0.1", 80), at("127.0.0.1", 80)));
        assertTrue(Addresses.same(InetSocketAddress.createUnresolved("127.0.0.1", 80), at("127.0.0.1", 80)));
        assertFalse(Addresses.same(at("127.0.0.1", 80), at("127.0.0.1", 81)));
    }

    @Test
    void aHostNameIsShownWithItsAddress() throws IOException {
        InetAddress address = InetAddress.getByAddress("web.test", new byte[] {127, 0, 0, 1});
        assertEquals("web.test:80 (127.0.0.1)", Addresses.resolved(new InetSocketAddress(address, 80)));
        assertEquals("127.0.0.1:80", Addresses.resolved(at("127.0.0.1", 80)));
        assertEquals("[::1]:80", Addresses.resolved(at("::1", 80)));
        assertEquals("web.test:80", Addresses.resolved(InetSocketAddress.createUnresolved("web.test", 80)));
    }

    @Test
    void aFailureSaysWhereAndWhy() {
        IOException netty = new IOException("bind(..) failed with error(-98): Address already in use");
        assertEquals("bind 0.0.0.0:9090: Address already in use", failure(netty).getMessage());
        assertEquals(netty, failure(netty).getCause());
        assertEquals(
                "bind 0.0.0.0:9090: java.lang.IllegalStateException",
                failure(new IllegalStateException()).getMessage());
    }

    private static BindException failure(Throwable cause) {
        return new BindFailure(at("0.0.0.0", 9090), SocketKind.TCP, NEW, new FakeUpgrader().fds(), null).of(cause);
    }

    @SuppressWarnings("AddressSelection") // a literal has one address
    private static InetSocketAddress at(String host, int port) {
        return new InetSocketAddress(host, port);
    }
}
