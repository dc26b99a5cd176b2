#!/bin/sh
# Unpacks a Debian of arm64 with a JVM into an empty directory, for Aarch64IT. Needs debootstrap, and takes a minute:
#   integration-tests/src/test/aarch64/tree.sh /tmp/arm64
#   mvn verify -pl integration-tests -am -Dit.test=Aarch64IT -DexcludedGroups= -Daarch64.tree=/tmp/arm64
set -eu
tree=${1:?where to?}
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Release: $release" | head -n 1)
debootstrap --arch=arm64 --foreign --variant=minbase --include=openjdk-17-jre-headless "$release" "$tree" "$mirror"
for archive in "$tree"/var/cache/apt/archives/*.deb; do
    dpkg-deb -x "$archive" "$tree"
done
