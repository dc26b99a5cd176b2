#!/bin/sh
# Starts a service that is upgraded by tableflip, and stays while the service goes from process to process: as
# process 1 of a container, or in the foreground of a terminal. Forwards signals to the process that the PID file
# names, holds those that kill a program without handlers until there is one, reaps orphans, and ends with the status
# of the last process, or with 1 if that status is unknown. Needs dash or the ash of busybox, mkfifo, setsid, sleep
# and rm. Where it is not process 1 it also needs perl, readlink and uname, or the status of a successor is
# unknown. docs/containers.md says the rest.
#   tableflip-launcher.sh -p PID_FILE [-g SECONDS] COMMAND [ARGUMENT...]
#     -p  the file that the service writes, in a directory that it and this script can write to
#     -g  how long to wait for a successor when the service has ended and processes of its are left: 60
set -u
early=''
for name in HUP USR1 USR2; do # what is held later would end this script until then
    # shellcheck disable=SC2064
    trap "early=\"\$early $name\"" "$name"
done

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
        # /proc shows 0 too if this user may not know, and then does not show the namespaces either
        [ "$status" != 0 ] || [ -e "/proc/$1/ns/pid" ] || status='?'
    fi
}

names_successor() {
    read_pid_file
    [ -n "$named" ] && [ "$named" != "$service" ] && is_ours "$named"
}

# ---- a process beside, since the shell collects what has ended at the next command that it runs, and forgets the status of any process but
# the first. /proc shows it until then, so this one looks, while the other waits for what it is told: named, ended
# or reap, with STATUS PID TEXT

watch() {
    trap '' HUP INT QUIT TERM USR1 USR2
    former=$first counted='' status='' resent='' told='' waited=0 pause=5 unreaped=0
    while [ -d "/proc/$$" ]; do
        command eval 'sleep 0.$pause 3>&- 4>&-' 2> /dev/null # a shell that cannot fork ends, unless it is told not to
        if names_successor; then
            former="$former $service" service=$named waited=0
            say "process $service is the service now"
        fi
        if is_alive "$service"; then
            tell_named
            send_stop_again
            # sees the end of a stop soon: a signal before that would make the other shell collect the process
            [ -e "$note" ] && pause=1 || pause=5
        else
            [ "$counted" = "$service" ] || find_status "$service"
            counted=$service pause=5
            if ! is_anyone_left; then
                tell_end "no process of the service is left, the last was process"
            elif [ "$waited" -ge $((2 * grace)) ]; then
                tell_end "what the service has left does not become the service within $grace s, the last was process"
            fi
        fi
        unreaped=$((unreaped + pause))
        if [ "$unreaped" -ge 160 ]; then # every 16 s: a service that ends in that moment is collected too
            unreaped=0
            echo reap
        fi
    done
    # The launcher was killed. Whoever starts it again needs the port that the service has.
    stop_left
    say "process $$ was killed, the service is stopped" # last, since nobody may read that now
}

# Stops each process of the service.
stop_left() {
    for left in /proc/[0-9]*; do
        ! is_alive "${left#/proc/}" || kill -s TERM "${left#/proc/}" 2> /dev/null
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

# The other shell learns of each process that becomes the service, even if its PID file vanishes later.
tell_named() {
    if [ "$named" = "$service" ] && [ "$told" != "$service" ]; then
        told=$service
        echo "named 0 $service"
    fi
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

tell_end() {
    read_pid_file
    if [ -n "$named" ] && [ "$named" != "$service" ] && { is_ours "$named" || ! look "$named"; }; then
        service=$named # one that came and went in between
        find_status "$service"
    fi
    echo "ended $status $service $1 $service"
    exit
}

# ---- this process

# Makes this process a child subreaper: orphans go to it, as they do to process 1. The process that they go to
# collects the successors of the first process, and nobody else learns how they ended. A shell has no command
# for that. So perl takes the place of the shell, in the same process, and starts this script again. Returns if
# that is impossible.
become_reaper() {
    case $(uname -m 2> /dev/null) in
        x86_64) prctl=157 ;;
        aarch64) prctl=167 ;;
        *) return ;;
    esac
    shell=$(readlink "/proc/$$/exe") && [ -f "$0" ] && command -v perl > /dev/null || return
    # PERL_BADLANG=0: no warning of a locale that is not installed
    # shellcheck disable=SC2016
    PERL_BADLANG=0 exec perl -e '
        my ($prctl, $shell, $early, $script, @words) = @ARGV;
        for (qw(HUP USR1 USR2)) { $SIG{$_} = sub { $early .= " $_[0]" } if ($SIG{$_} // "") ne "IGNORE"; }
        my $is = pack("i", 0);
        syscall($prctl, 36, 1, 0, 0, 0);   # PR_SET_CHILD_SUBREAPER
        syscall($prctl, 37, $is, 0, 0, 0); # PR_GET_CHILD_SUBREAPER
        delete $ENV{PERL_BADLANG};
        exec { $shell } "sh", $script, "-r", unpack("i", $is) ? "yes" : "no", "-e", $early, @words;
        die "tableflip-launcher: $shell: $!\n";
    ' "$prctl" "$shell" "$early" "$0" -p "$pid_file" -g "$grace" -- "$@"
}

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
# What kills a program without a handler is held: a service has its handlers when it writes its PID file.
forward() {
    signalled=yes
    if [ -z "$first" ]; then
        early="$early $1"
        return 0
    fi
    names_successor && service=$named
    [ "$named" != "$service" ] || known=yes
    # what a shell starts in the background ignores SIGINT; where env cannot take that back, it is a stop all the same
    [ "$1 $heeds" != "INT " ] || set -- TERM
    case $1 in
        TERM | INT)
            held='' # nobody is left to hear of it
            { echo "$service $1" > "$note"; } 2> /dev/null
            is_alive "$service" || return 0
            ;;
        QUIT)
            if ! is_alive "$service"; then
                say "SIGQUIT is not forwarded: process $service has exited, and $pid_file names no successor"
                return 0
            fi
            ;;
        *)
            if [ -z "$known" ] || ! is_alive "$service"; then
                hold "$1"
                return 0
            fi
            ;;
    esac
    command eval 'send_later "$1" 2>&5 &' 5>&2 2> /dev/null || send "$1"
}

# Once for all signals of a kind: each asks for the same.
hold() {
    case " $held " in *" $1 "*) return 0 ;; esac
    held="$held $1"
    if [ -z "$known" ]; then
        say "SIG$1 is held: $pid_file does not name a process of the service yet. It is forwarded when it does"
    else
        say "SIG$1 is held: process $service has exited, and $pid_file names no successor. It is forwarded when it does"
    fi
}

# A process has become the service: it gets what was held.
release() {
    service=$pid known=yes
    set -- $held
    held=''
    for name in "$@"; do
        say "SIG$name was held, and is forwarded to process $service now"
        forward "$name"
    done
}

# Not before this shell waits again: it would collect a process that ends at once, and nobody could tell its status.
send_later() {
    while look "$$" && [ "$state" = R ]; do :; done
    send "$1"
}

send() {
    kill -s "$1" "$service" 2> /dev/null ||
        say "SIG$1 could not be sent to process $service: it has just exited, or this script lacks CAP_KILL"
}

ended() {
    rm -f "$note" "$pid_file"
    if [ "$status" = '?' ] && [ "$pid" = "$first" ]; then
        wait "$first"
        status=$?
    elif [ "$status" = '?' ]; then
        status=1
        if [ -n "${BASH_VERSION-}" ]; then
            why='bash forgets it. Run this script with dash or the ash of busybox'
        elif [ "$reaper" = no ]; then
            why='another process has collected it. Run this script as process 1, or install perl'
        else
            why='its parent has collected it, it ran as another user, or a signal came just when it ended'
        fi
        text="$text, and its status is unknown: $why"
    fi
    stop_left
    [ -z "$held" ] || say "never forwarded, since no process was named that could hear it:$held"
    fail "$status" "$text (status $status)"
}

pid_file='' grace=60 reaper='' first='' first_began='' service='' signalled='' known='' held=''
usage='usage: tableflip-launcher.sh -p PID_FILE [-g SECONDS] COMMAND [ARGUMENT...]'
while getopts p:g:r:e: option; do
    case $option in
        p) pid_file=$OPTARG ;;
        g) grace=$OPTARG ;;
        r) reaper=$OPTARG ;; # from become_reaper
        e) early=$OPTARG ;;  # and this
        *) fail 64 "$usage" ;;
    esac
done
shift $((OPTIND - 1))
case $grace in '' | *[!0-9]* | 0?* | ???????*) fail 64 "$usage" ;; esac
if [ -z "$pid_file" ] || [ $# = 0 ]; then
    fail 64 "$usage"
fi

note=$pid_file.signalled # the process that was told to stop last, and by which signal
if [ -z "$reaper" ]; then
    if ! look "$$"; then
        say "/proc cannot be read. No upgrade is possible"
        exec "$@"
    fi
    if ! rm -f "$pid_file" "$note" || ! observe; then # a PID file from before names who knows whom
        say "no PID file can be written at $pid_file: give it a directory that this user can write to, such as a tmpfs. No upgrade is possible"
        exec "$@"
    fi
    # Descriptors 3 and 4 stay open meanwhile. A stop has no trap yet: one that comes now ends this process.
    if [ $$ = 1 ]; then
        reaper=yes
    else
        reaper=no
        become_reaper "$@"
    fi
fi
for name in TERM INT HUP QUIT USR1 USR2; do
    # shellcheck disable=SC2064
    trap "forward $name" "$name"
done
heeds='/usr/bin/env --default-signal=INT,QUIT' # in full: the shell of busybox has an env of its own
$heeds true 2> /dev/null || heeds=
# The service leaves its PID file to this script: it names the last process, even one that came and went unseen.
# shellcheck disable=SC2086
TABLEFLIP_LAUNCHER_PID_FILE=$pid_file setsid $heeds "$@" < /dev/null 3>&- 4>&- &
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
        case $event in
            ended) ended ;;
            named) release ;;
        esac
    elif [ -z "$signalled" ]; then # somebody has killed the process that watches
        command eval 'sleep 1' 2> /dev/null
        command eval 'observe && { watch >&4 & }' 2> /dev/null || continue
        exec 4>&-
    fi
done
