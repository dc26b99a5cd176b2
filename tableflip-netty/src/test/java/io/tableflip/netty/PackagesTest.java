package io.tableflip.netty;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arrows between packages, as ARCHITECTURE.md and each package-info have them. */
class PackagesTest {
    private static final String NETTY = "io.tableflip.netty";

    /** Where users enter: these may know what is behind. */
    private static final DescribedPredicate<JavaClass> ENTRY = nameMatching(
                    "io\\.tableflip\\.netty\\.(UpgradableServers|DrainPolicy)")
            .forSubtype();

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .importUrl(UpgradableServers.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation());

    @ParameterizedTest
    @CsvSource({
        "'', ''",
        ".drain, .",
        ".channel, '. .drain .engine'",
        ".engine, .drain",
        ".exchange, ''",
        ".transfer, '. .engine .exchange'",
        ".http, '. .exchange'",
        ".warmup, .channel",
    })
    void aPackageKnowsOnlyThese(String name, String known) {
        String[] allowed = (name + " " + known)
                .strip()
                .replace(".", NETTY + ".")
                .replace(NETTY + ". ", NETTY + " ")
                .split(" ");
        for (int i = 0; i < allowed.length; i++) {
            allowed[i] = allowed[i].isEmpty() ? NETTY : allowed[i].replaceAll("\\.$", "");
        }
        noClasses()
                .that(resideInAPackage(NETTY + name))
                .and(DescribedPredicate.not(ENTRY))
                .should()
                .dependOnClassesThat(
                        resideInAPackage(NETTY + "..").and(DescribedPredicate.not(resideInAnyPackage(allowed))))
                .check(CLASSES);
    }

    /** As a handler of a user's own. */
    @Test
    void drainHandlersKnowOnlyTheEvent() {
        noClasses()
                .that(resideInAPackage(NETTY + ".http"))
                .should()
                .dependOnClassesThat(resideInAnyPackage("io.tableflip..")
                        .and(DescribedPredicate.not(resideInAnyPackage(NETTY + ".http", NETTY + ".exchange")))
                        .and(DescribedPredicate.not(nameMatching(".*\\.(DrainEvent|Log)"))))
                .check(CLASSES);
    }

    /**
     * Of core they know what every user knows, its log, and the channel on which connections go to the child.
     */
    @Test
    void ofCoreOnlyTheseAreKnown() {
        noClasses()
                .should()
                .dependOnClassesThat(resideInAPackage("io.tableflip.core..")
                        .and(DescribedPredicate.not(resideInAnyPackage(
                                "io.tableflip.core", "io.tableflip.core.log", "io.tableflip.core.transfer"))))
                .check(CLASSES);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("io.tableflip.(**)")
                .should()
                .beFreeOfCycles()
                .ignoreDependency(ENTRY, DescribedPredicate.alwaysTrue())
                .check(CLASSES);
    }
}
