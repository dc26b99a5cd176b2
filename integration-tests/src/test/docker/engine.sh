#!/bin/sh
# Runs a container engine that has nothing in common with any other: its socket, images and containers are in a directory that this
# script makes, and a published port is served by a process of the engine, without a rule of a firewall. Prints "ready", or why it cannot
# run, and ends everything, whatever is running then, at the end of its standard input: when it is closed, or who holds it dies.
#   engine.sh DIRECTORY
set -eu
if [ "${2-}" != in-namespace ]; then
    exec unshare --mount --propagation slave -- sh "$0" "$1" in-namespace # what is mounted goes with it
fi
directory=$1 made='' cgroup=/tableflip-test-$$
mkdir "$directory"
: > "$directory/log" # it is looked at below, maybe before there is a process that writes it
[ -d /etc/docker ] || made=/etc/docker
[ -d /sys/class/net/docker0 ] || bridge=docker0
dockerd --host "unix://$directory/socket" --data-root "$directory/data" --exec-root "$directory/exec" --pidfile "$directory/pid" \
    --cgroup-parent "$cgroup" --iptables=false --ip-masq=false >> "$directory/log" 2>&1 &
engine=$!
finish() {
    kill -s TERM "$engine" 2> /dev/null || :
    wait "$engine" || :
    [ -z "${bridge-}" ] || ip link delete "$bridge" 2> /dev/null || :
    tries=0
    until [ -z "$(find /sys/fs/cgroup -type d -path "*$cgroup" -print -quit)" ] || [ $tries -ge 100 ]; do
        find /sys/fs/cgroup -depth -type d -path "*$cgroup*" -exec rmdir {} + 2> /dev/null || sleep 0.1
        tries=$((tries + 1))
    done
    awk -v at="$directory/" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
    rm -rf "$directory" "${made:-$directory}"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
until grep -q 'API listen on' "$directory/log"; do
    if ! kill -0 "$engine" 2> /dev/null; then
        tail -n 5 "$directory/log"
        exit 1
    fi
    sleep 0.1
done
echo ready
exec > /dev/null 2>&1
cat > /dev/null
