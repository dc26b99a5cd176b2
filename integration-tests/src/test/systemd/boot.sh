#!/bin/sh
# Boots the systemd of a tree made by tree.sh as process 1 of namespaces of its own, beneath a cgroup (version 2) that this script
# makes, with a JDK at /opt/java. Shares with the machine the kernel and the network, so that a client outside reaches a server inside.
# Nothing is written to the tree: what changes is in memory. Prints the process id of systemd, as seen from outside, or why there is
# none, and ends everything, whatever is running then, at the end of its standard input: when it is closed, or who holds it dies.
#   boot.sh TREE CGROUP JAVA_HOME
set -eu
tree=$1 cgroup=$2 java=$3

# Process 1, until it becomes systemd: $1 the tree, $2 the cgroup, $3 the JDK.
in_pid_namespace='
set -eu
read -r pid rest < /proc/self/stat # /proc is that of the machine as yet
echo 0 > "$2/cgroup.procs"
exec unshare --cgroup -- sh -c "$4" sh "$1" "$3" "$pid"
'
# $1 the tree, $2 the JDK, $3 the process id.
in_all_namespaces='
set -eu
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
cd "$1"
mount -t tmpfs -o mode=755 tmpfs mnt # so that units and users can be added
cp -a etc/. mnt/
mount --move mnt etc
mount -t tmpfs -o mode=755 tmpfs var
mount -t tmpfs -o mode=755 tmpfs srv
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount --bind "$2" opt/java
mount -o remount,bind,ro opt/java
# a JDK of a distribution has its configuration in /etc
find "$2/" -type l -lname "/etc/*" | while read -r link; do
    file=$(readlink "$link")
    [ -f "$file" ] || continue
    mkdir -p ".${file%/*}"
    cp -L "$file" ".$file"
done
pivot_root . .
umount -l .
echo "$3"
# without the capabilities for things that namespaces do not keep apart
exec setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-sys_boot,-syslog,-audit_control,-audit_read,-audit_write -- \
    env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    /lib/systemd/systemd --system --log-target=journal --show-status=0 < /dev/null > /dev/null 2>&1
'

mkdir "$cgroup"
finish() {
    kill -s KILL "$launcher" 2> /dev/null || : # and with it process 1 and all of its namespace
    wait "$launcher" || :
    tries=0
    until find "$cgroup" -depth -type d -exec rmdir {} \; && [ ! -d "$cgroup" ]; do # the launcher does not wait for what it kills
        tries=$((tries + 1))
        [ $tries -lt 600 ] || exit 1
        sleep 0.1
    done
}
unshare --pid --mount --uts --ipc --fork --kill-child -- \
    sh -c "$in_pid_namespace" sh "$tree" "$cgroup" "$java" "$in_all_namespaces" &
launcher=$!
trap finish EXIT
trap 'exit 1' HUP INT TERM
exec > /dev/null 2>&1 # so that the output ends with the launcher, should that fail
cat > /dev/null
