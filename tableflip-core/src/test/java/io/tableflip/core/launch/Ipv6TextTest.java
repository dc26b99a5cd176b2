package io.tableflip.core.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Ipv6TextTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "::",
                "::1",
                "1::",
                "2001:db8::1",
                "2001:db8:0:1:1:1:1:1",
                "2001:0:0:1::1",
                "1:0:0:2:3::",
                "fe80::a:b:c:d",
                "1:2:3:4:5:6:7:8",
                "0:2:3:4:5:6:7:8",
                "1::4:0:0:0"
            })
    void isAsShortAsPeopleWriteIt(String text) throws UnknownHostException {
        byte[] bytes = InetAddress.getByName(text).getAddress();
        assertEquals(text, Ipv6Text.of(bytes));
    }
}
