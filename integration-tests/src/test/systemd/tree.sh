#!/bin/sh
# Makes a minimal Debian with systemd in a directory, for the tests under systemd, unless it is there already: of the release of this
# machine, or of the one that is named (trixie has systemd 257). Needs root and debootstrap, and takes most of a minute; nothing
# runs in it yet, and boot.sh never writes to it. To make it anew, remove it.
#   integration-tests/src/test/systemd/tree.sh /tmp/systemd-tree
#   integration-tests/src/test/systemd/tree.sh /tmp/systemd257-tree trixie
#   mvn verify -pl integration-tests -am -Dit.test='Systemd*IT' -Dsystemd.tree=/tmp/systemd-tree -Dsystemd257.tree=/tmp/systemd257-tree
set -eu
tree=${1:?where to?} release=${2:-}
mkdir -p "$(dirname "$tree")"
exec 9> "$tree.lock"
flock 9 # one maker at a time; who waited finds it made
[ ! -d "$tree" ] || exit 0
half=$(mktemp -d "$tree.XXXXXX")
trap 'rm -rf "$half"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$half"

own=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Release: $own" | head -n 1)
# in a mount namespace of its own, which takes along what debootstrap mounts, however it ends
unshare --mount debootstrap --variant=minbase --include=systemd,procps "${release:-$own}" "$half" "$mirror" >&2 9>&-

# units that have nothing to do here, or would see to the machine outside
for unit in getty.target systemd-ask-password-console.path systemd-ask-password-wall.path systemd-initctl.socket systemd-logind.service \
    systemd-user-sessions.service systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-random-seed.service \
    systemd-remount-fs.service systemd-sysusers.service systemd-tmpfiles-setup-dev.service systemd-journal-flush.service \
    systemd-journald-audit.socket systemd-sysctl.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    dev-hugepages.mount sys-fs-fuse-connections.mount systemd-udevd.service systemd-networkd.service systemd-resolved.service \
    systemd-timesyncd.service systemd-tmpfiles-clean.timer apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
    ln -sf /dev/null "$half/etc/systemd/system/$unit"
done
ln -sf /lib/systemd/system/multi-user.target "$half/etc/systemd/system/default.target"
echo systemd-test > "$half/etc/hostname"
echo 0123456789abcdef0123456789abcdef > "$half/etc/machine-id"
ln -s /opt/java/bin/java "$half/usr/bin/java" # boot.sh puts a JDK at /opt/java
mkdir "$half/opt/java"
chroot "$half" useradd --system hello
rm -rf "$half"/var/* "$half"/usr/share/doc "$half"/usr/share/locale "$half"/usr/share/man
mv -T "$half" "$tree"
