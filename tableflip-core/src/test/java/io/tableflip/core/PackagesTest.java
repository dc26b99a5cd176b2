package io.tableflip.core;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arrows between packages, as ARCHITECTURE.md and each package-info have them. */
class PackagesTest {
    private static final String CORE = "io.tableflip.core";

    /** The builder may know the engine, and so may the seam for tests; they close a circle that is wanted. */
    private static final DescribedPredicate<JavaClass> ENTRY = DescribedPredicate.or(
            nameMatching("io\\.tableflip\\.core\\.Upgrader(\\$Builder)?"), resideInAPackage(CORE + ".testing"));

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .importUrl(Upgrader.class.getProtectionDomain().getCodeSource().getLocation());

    private static String packageOf(String name) {
        return name.equals("api") ? CORE : name.equals("ctl") ? "io.tableflip.ctl" : CORE + "." + name;
    }

    @ParameterizedTest
    @CsvSource({
        "log, ''",
        "text, ''",
        "api, text",
        "os, 'api log text os.libc'",
        "os.libc, ''",
        "observe, 'api log os text'",
        "link, 'api log os text'",
        "resources, 'api log os text'",
        "launch, 'api link log os text'",
        "transfer, 'api log os'",
        "lifecycle, 'api launch link log observe os resources text transfer'",
        "ctl, 'api link observe os text'"
    })
    void aPackageKnowsOnlyThese(String name, String known) {
        String[] allowed = Arrays.stream((name + " " + known).strip().split(" "))
                .map(PackagesTest::packageOf)
                .toArray(String[]::new);
        noClasses()
                .that(resideInAPackage(packageOf(name)))
                .and(DescribedPredicate.not(ENTRY))
                .should()
                .dependOnClassesThat(resideInAPackage("io.tableflip..")
                        .and(DescribedPredicate.not(resideInAPackage(allowed[0])))
                        .and(DescribedPredicate.not(
                                com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage(allowed))))
                .check(CLASSES);
    }

    /** Of the API, what is below knows names and the exception of system calls. */
    @Test
    void theOperatingSystemKnowsNamesAndItsException() {
        noClasses()
                .that(resideInAPackage(CORE + ".os.."))
                .should()
                .dependOnClassesThat(resideInAPackage(CORE)
                        .and(DescribedPredicate.not(nameMatching(".*\\.(FdName|FdName\\$Kind|SystemCallException)"))))
                .check(CLASSES);
    }

    @Test
    void onlyOnePackageKnowsJnr() {
        noClasses()
                .that(DescribedPredicate.not(resideInAPackage(CORE + ".os..")))
                .should()
                .dependOnClassesThat(resideInAPackage("jnr.."))
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

    @Test
    void theCommandIsNobodysBusiness() {
        classes()
                .that(resideInAPackage("io.tableflip.ctl"))
                .should()
                .onlyBeAccessed()
                .byAnyPackage("io.tableflip.ctl")
                .check(CLASSES);
    }
}
