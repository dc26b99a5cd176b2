package io.tableflip.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;

/**
 * A key and a certificate for localhost that it has signed itself, as files for servers of any kind.
 *
 * @param keyStore PKCS #12, with the password {@link #PASSWORD}
 * @param chain the certificate as PEM
 * @param key the key as PEM
 * @param both first the certificate, then the key
 */
record Certificate(Path keyStore, Path chain, Path key, Path both) {
    static final String PASSWORD = "changeit";

    private static final String ALIAS = "server";

    /** Makes one with the JDK's keytool. */
    static Certificate make(Path directory) throws IOException, InterruptedException {
        Path keyStore = directory.resolve("server.p12");
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                ALIAS,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=dns:localhost,ip:127.0.0.1",
                "-validity",
                "30",
                "-storetype",
                "PKCS12",
                "-keystore",
                keyStore.toString(),
                "-storepass",
                PASSWORD);
        Path log = directory.resolve("keytool.log");
        Process keytool = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (keytool.waitFor() != 0) {
            throw new BenchmarkException("keytool: " + Files.readString(log));
        }
        return withPem(directory, keyStore);
    }

    private static Certificate withPem(Path directory, Path keyStore) throws IOException {
        try {
            KeyStore store = load(keyStore);
            Key key = store.getKey(ALIAS, PASSWORD.toCharArray());
            String keyText = pem("PRIVATE KEY", key.getEncoded());
            String chainText = pem("CERTIFICATE", store.getCertificate(ALIAS).getEncoded());
            return new Certificate(
                    keyStore,
                    Files.writeString(directory.resolve("server.crt"), chainText),
                    Files.writeString(directory.resolve("server.key"), keyText),
                    Files.writeString(directory.resolve("server.pem"), chainText + keyText));
        } catch (GeneralSecurityException e) {
            throw new BenchmarkException("the certificate", e);
        }
    }

    /** What a Java server needs of it. */
    static KeyManagerFactory keyManagers(Path keyStore) throws IOException {
        try {
            KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(load(keyStore), PASSWORD.toCharArray());
            return factory;
        } catch (GeneralSecurityException e) {
            throw new IOException(keyStore + " cannot be used", e);
        }
    }

    private static KeyStore load(Path keyStore) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(keyStore)) {
            store.load(in, PASSWORD.toCharArray());
        }
        return store;
    }

    private static String pem(String type, byte[] content) {
        Base64.Encoder encoder = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));
        return "-----BEGIN " + type + "-----\n" + encoder.encodeToString(content) + "\n-----END " + type + "-----\n";
    }
}
