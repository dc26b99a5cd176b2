#!/bin/sh
# Starts a service that is upgraded by tableflip, and stays while the service goes from process to process: as process 1 of a container, or
# in the foreground of a terminal. Forwards signals to the process that the PID file names, reaps orphans, and ends with the status of the
# last process. Needs a POSIX shell (dash, ash of busybox), mkfifo, setsid, sleep and rm; docs/containers.md says the rest.
#   tableflip-launcher.sh -p PID_FILE [-g SECONDS] COMMAND [ARGUMENT...]
#     -p  the file that the service writes, in a directory that it and this script can write to
#     -g  how long to wait for a successor when the service has ended and processes of its are left: 60
set -u

say() { echo "tableflip-launcher: $*" >&2; }

fail() { # fail STATUS TEXT
    say "$2"
    exit "$1"
}

# What /proc says of a process: sets state, session, began and code. Fails if there is none.
look() {
    { read -r stat < "/proc/$1/stat"; } 2> /dev/null || return 1
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    state=$1 session=$4 began=${20} code=${50:-0}
}

# Whether it is a process of the service: all have the session that was made for the first. That one is ours before it has made it.
is_ours() { look "$1" && { [ "$session" = "$first" ] || [ "$1.$began" = "$first.$first_began" ]; }; }

is_alive() { is_ours "$1" && [ "$state" != Z ] && [ "$state" != X ]; }

# What the PID file says: sets named, empty if that is no number.
read_pid_file() {
    named=
    if [ -f "$pid_file" ]; then
        { read -r named < "$pid_file"; } 2> /dev/null # fails without a newline, but has read
    fi
    case $named in *[!0-9]*) named= ;; esac
}

# How a process of ours has ended that nobody has collected yet: sets status, to ? if that cannot be told.
find_status() {
    status='?'
    if is_ours "$1" && [ "$state" = Z ]; then
        [ $((code & 127)) -eq 0 ] && status=$((code >> 8 & 255)) || status=$((128 + (code & 127)))
    fi
}

names_successor() {
    read_pid_file
    [ -n "$named" ] && [ "$named" != "$service" ] && is_ours "$named"
}

# ---- a process beside, since the shell collects what has ended at the next command that it runs, and forgets the status of any process but
# the first. /proc shows it until then, so this one looks, while the other waits for what it is told: ended or reap, with STATUS PID TEXT

watch() {
    trap '' HUP INT QUIT TERM USR1 USR2
    former=$first counted='' status='' resent='' rounds=0 waited=0 readable=no last_began=$first_began
    while [ -d "/proc/$$" ]; do
        command eval 'sleep 0.5 3>&- 4>&-' 2> /dev/null # a shell that cannot fork ends, unless it is told not to
        rounds=$((rounds + 1))
        if names_successor || was_stopped_unseen; then
            former="$former $service" service=$named last_began=$began waited=0
            say "process $service is the service now"
        fi
        if is_alive "$service"; then
            send_stop_again
            { true < "/proc/$service/environ"; } 2> /dev/null && readable=yes || readable=no
            [ $((rounds % 8)) -ne 0 ] || echo reap
            continue
        fi
        if [ "$counted" != "$service" ]; then
            counted=$service
            find_status "$service"
            # as that of a process of another user, or of one that has changed it, is shown
            [ "$status$readable" != 0no ] || status='?'
        fi
        echo reap
        if ! is_anyone_left; then
            tell_end "no process of the service is left, the last was process"
        elif [ "$waited" -ge $((2 * grace)) ]; then
            tell_end "what the service has left does not become the service within $grace s, the last was process"
        fi
    done
}

# Old processes may drain for as long as they like; what else there is may be the successor to come.
is_anyone_left() {
    for old in $former; do
        ! is_alive "$old" || return 0
    done
    waited=$((waited + 1))
    for left in /proc/[0-9]*; do
        ! is_alive "${left#/proc/}" || return 0
    done
    return 1
}

# A stop that has met the old process in the moment of the commit, or after its death, has had no effect.
send_stop_again() {
    if [ -z "$resent" ] && { read -r to stop < "$note"; } 2> /dev/null && [ "$to" != "$service" ]; then
        case " $former " in
            *" $to "*)
                resent=yes
                kill -s "$stop" "$service"
                ;;
        esac
    fi
}

# A successor that was stopped before it was seen here has removed the PID file, but is the one that was told to stop last.
was_stopped_unseen() {
    [ -z "$named" ] && { read -r named stop < "$note"; } 2> /dev/null &&
        [ "$named" != "$service" ] && is_ours "$named" && [ "$began" -gt "$last_began" ]
}

tell_end() {
    read_pid_file
    if [ -n "$named" ] && [ "$named" != "$service" ]; then
        service=$named # one that came and went in between
        find_status "$service"
    fi
    echo "ended $status $service $1 $service"
    exit
}

# ---- process 1

# Begins to watch; without a process that writes, reading ends.
observe() {
    fifo=$pid_file.launcher
    rm -f "$fifo"
    mkfifo -m 600 "$fifo" || return 1
    # shellcheck disable=SC2094
    exec 4<> "$fifo" 3< "$fifo" # neither waits for the other end
    rm -f "$fifo"
}

# Sends a signal to the process that is the service now. A stop is noted, for whoever becomes it later: the process beside sees to that.
forward() {
    signalled=yes
    if [ -z "$first" ]; then
        early="$early $1"
        return 0
    fi
    names_successor && service=$named
    # what a shell starts in the background ignores SIGINT; where env cannot take that back, it is a stop all the same
    [ "$1 $heeds" != "INT " ] || set -- TERM
    case $1 in TERM | INT) { echo "$service $1" > "$note"; } 2> /dev/null ;; esac
    is_alive "$service" || return 0
    command eval 'kill_later "$1" &' 2> /dev/null || kill -s "$1" "$service"
}

# Not before this shell waits again: it would collect a process that ends at once, and nobody could tell its status.
kill_later() {
    while look "$$" && [ "$state" = R ]; do :; done
    kill -s "$1" "$service"
}

ended() {
    rm -f "$note"
    if [ "$status" = '?' ] && [ "$pid" = "$first" ]; then
        wait "$first"
        status=$?
    elif [ "$status" = '?' ]; then
        # only its parent can know: what ends in order removes the PID file
        [ -e "$pid_file" ] && status=1 || status=0
    fi
    for left in /proc/[0-9]*; do
        ! is_alive "${left#/proc/}" || kill -s TERM "${left#/proc/}" 2> /dev/null
    done
    fail "$status" "$text (status $status)"
}

pid_file='' grace=60 first='' first_began='' service='' early='' signalled=''
usage='usage: tableflip-launcher.sh -p PID_FILE [-g SECONDS] COMMAND [ARGUMENT...]'
while getopts p:g: option; do
    case $option in
        p) pid_file=$OPTARG ;;
        g) grace=$OPTARG ;;
        *) fail 64 "$usage" ;;
    esac
done
shift $((OPTIND - 1))
case $grace in '' | *[!0-9]* | 0?* | ???????*) fail 64 "$usage" ;; esac
if [ -z "$pid_file" ] || [ $# = 0 ]; then
    fail 64 "$usage"
fi

note=$pid_file.signalled # the process that was told to stop last, and by which signal
if ! look "$$"; then
    say "/proc cannot be read. No upgrade is possible"
    exec "$@"
fi
if ! rm -f "$pid_file" "$note" || ! observe; then # a PID file from before names who knows whom
    say "no PID file can be written at $pid_file: give it a directory that this user can write to, such as a tmpfs. No upgrade is possible"
    exec "$@"
fi
for name in TERM INT HUP QUIT USR1 USR2; do
    # shellcheck disable=SC2064
    trap "forward $name" "$name"
done
heeds='/usr/bin/env --default-signal=INT,QUIT' # in full: the shell of busybox has an env of its own
$heeds true 2> /dev/null || heeds=
# shellcheck disable=SC2086
setsid $heeds "$@" < /dev/null 3>&- 4>&- &
service=$! first_began=0
look "$service" && first_began=$began
first=$service
watch >&4 &
exec 4>&-
for name in $early; do
    forward "$name"
done

while :; do
    signalled=
    if read -r event status pid text <&3; then
        [ "$event" != ended ] || ended
    elif [ -z "$signalled" ]; then # somebody has killed the process that watches
        command eval 'sleep 1' 2> /dev/null
        command eval 'observe && { watch >&4 & }' 2> /dev/null || continue
        exec 4>&-
    fi
done
