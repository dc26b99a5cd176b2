#!/bin/sh
# A service as a launcher sees one: each generation writes the PID file when it is ready, and ends when its successor has. It says what it
# is, and which signals it gets. The last word of its directory's file "end" is the status with which a stop ends it. Other files there
# change what it does for as long as they exist:
#   hold      a successor does not get ready
#   deaf      a stop is said and not done
#   drains    a generation stays beside its successor
#   collects  a generation is the parent of its successor, and collects it. Otherwise it leaves that to others, as the library does
# It leaves its PID file to the launcher.
#   service.sh DIRECTORY [GENERATION]
directory=$1 generation=${2:-1}
exec 3>&1
for name in INT QUIT USR1; do
    # shellcheck disable=SC2064
    trap "echo generation $generation got $name" "$name"
done
stop() {
    if [ -e "$directory/deaf" ]; then
        echo "generation $generation is deaf to TERM"
    else
        exit "$(cat "$directory/end")"
    fi
}
upgrade() {
    if [ -e "$directory/collects" ]; then
        "$0" "$directory" $((generation + 1)) &
        successor=$!
    else
        successor=$("$0" "$directory" $((generation + 1)) >&3 & echo $!)
    fi
}
trap stop TERM
trap upgrade HUP
trap 'exec sleep 1000' USR2 # ends at any signal, without a word
successor=
while [ "$generation" -gt 1 ] && [ -e "$directory/hold" ]; do
    [ -n "${said-}" ] || echo "generation $generation is held"
    said=yes
    sleep 0.1
done
stopped=
trap 'stopped=yes' TERM # whoever sees the PID file may stop this one before it has said that it serves
echo $$ > "$directory/.next"
mv "$directory/.next" "$directory/service.pid"
: > "$directory/served.$$"
echo "generation $generation (pid $$) is serving"
trap stop TERM
[ -z "$stopped" ] || stop
until [ -n "$successor" ] && [ -e "$directory/served.$successor" ] && [ ! -e "$directory/drains" ]; do
    sleep 0.1
done
