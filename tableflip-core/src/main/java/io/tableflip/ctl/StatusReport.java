package io.tableflip.ctl;

import io.tableflip.core.observe.ServiceStatus;
import io.tableflip.core.observe.ServiceStatus.Drain;
import io.tableflip.core.observe.UpgradeRecord;
import io.tableflip.core.observe.UpgradeRecord.Result;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code ctl status} prints of a service: as text for people, or as JSON for programs. */
final class StatusReport {
    private final RunningService service;
    private final @Nullable ServiceStatus says;
    /** How the parent drains, if it is still there. */
    private final @Nullable Drain parentDrain;

    private final Instant now = Instant.now();

    StatusReport(RunningService service) throws InterruptedException {
        this.service = service;
        says = service.status().orElse(null);
        parentDrain = says == null || says.parentExited() ? null : service.parentDrain(says.parent());
    }

    String text() {
        if (says == null) {
            return "running: process " + service.pid() + "; it has no status file " + service.statusFile();
        }
        List<String> lines = new ArrayList<>();
        lines.add(condition(says) + ": " + RunningService.name(says) + ", the service since " + time(says.since()));
        if (!service.isNamedByPidFile()) {
            lines.add("the PID file " + service.pidFile() + " is missing");
        }
        if (says.drain() != null) {
            lines.add("draining: " + describe(says.drain()));
        }
        if (!says.parentExited()) {
            lines.add("its parent (pid " + says.parent() + ") still finishes "
                    + (parentDrain == null ? "its connections" : describe(parentDrain)));
        }
        upgrade(Result.RUNNING)
                .ifPresent(running -> lines.add("upgrade in progress since " + time(running.began())
                        + ": generation " + (says.generation() + 1)
                        + (running.pid() == 0
                                ? " is not started yet"
                                : " (pid " + running.pid() + ") " + progress(says))));
        upgrade(Result.DEFERRED)
                .ifPresent(deferred -> lines.add("an upgrade was requested at " + time(deferred.began())
                        + " and begins later: " + deferred.message()));
        if (upgrade(Result.RUNNING).isEmpty()) {
            lines.add(lastUpgrade(says));
        }
        return String.join("\n", lines);
    }

    /** A parent goes on serving while its child starts. */
    private static String condition(ServiceStatus status) {
        return switch (status.state()) {
            case "starting" -> "serving";
            case "draining", "committing" -> "handing over";
            default -> status.state();
        };
    }

    private static String progress(ServiceStatus status) {
        return status.state().equals("starting") ? "starts" : "accepts connections";
    }

    private String describe(Drain drain) {
        long left = Math.max(0, Duration.between(now, drain.ends()).toSeconds());
        return drain.connections() + (drain.connections() == 1 ? " connection" : " connections") + ", for " + left
                + " s more at most";
    }

    private Optional<UpgradeRecord> upgrade(Result result) {
        return says == null
                ? Optional.empty()
                : says.upgrades().stream()
                        .filter(each -> each.result() == result)
                        .findFirst();
    }

    private static String lastUpgrade(ServiceStatus status) {
        Optional<UpgradeRecord> last = status.upgrades().stream()
                .filter(each -> each.result() != Result.DEFERRED)
                .reduce((a, b) -> b);
        if (last.isEmpty()) {
            return status.parent() == 0
                    ? "no upgrade was requested since"
                    : "last upgrade: succeeded at " + time(status.since()) + ", this process has replaced process "
                            + status.parent();
        }
        UpgradeRecord upgrade = last.get();
        Instant when = time(upgrade.began());
        return switch (upgrade.result()) {
            case REFUSED -> "last upgrade: requested at " + when + ", refused: " + upgrade.message();
            case FAILED ->
                "last upgrade: begun at " + when + ", failed after " + CtlOutcome.millis(upgrade.took()) + ": "
                        + upgrade.message();
            default -> "last upgrade: begun at " + when + ", succeeded";
        };
    }

    private static Instant time(Instant instant) {
        return instant.truncatedTo(ChronoUnit.SECONDS);
    }

    String json() {
        Json json = new Json()
                .add("pid", service.pid())
                .add("pidFile", service.pidFile().toString())
                .add("pidFileExists", service.isNamedByPidFile());
        if (says == null) {
            return json.toString();
        }
        json.add("state", says.state())
                .add("generation", says.generation())
                .add("since", says.since().toString());
        addDrain(json, says.drain());
        if (says.parent() != 0) {
            Json parent = new Json().add("pid", says.parent()).add("running", !says.parentExited());
            addDrain(parent, parentDrain);
            json.add("parent", parent);
        }
        json.add("signals", says.signals()).add("requests", says.requests());
        List<Json> upgrades = new ArrayList<>();
        for (UpgradeRecord upgrade : says.upgrades()) {
            upgrades.add(new Json()
                    .add("number", upgrade.number())
                    .add("result", upgrade.result().toString())
                    .add("began", upgrade.began().toString())
                    .add("millis", upgrade.took().toMillis())
                    .add("pid", upgrade.pid())
                    .add("message", upgrade.message()));
        }
        return json.add("upgrades", upgrades).toString();
    }

    private static void addDrain(Json to, @Nullable Drain drain) {
        if (drain != null) {
            to.add("connectionsDraining", drain.connections())
                    .add("drainEnds", drain.ends().toString());
        }
    }
}
