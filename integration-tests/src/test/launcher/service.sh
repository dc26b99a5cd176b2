#!/bin/sh
# A service as a launcher sees one: each generation writes the PID file when it is ready, and ends when its successor has. It says what it
# is, and which signals it gets. The last word of its directory's file "end" is the status with which a stop ends it. As long as there is a file
# "hold" a successor does not get ready, and as long as there is a file "deaf" a stop is said and not done.
#   service.sh DIRECTORY [GENERATION]
directory=$1 generation=${2:-1}
for name in INT QUIT USR1; do
    # shellcheck disable=SC2064
    trap "echo generation $generation got $name" "$name"
done
stop() {
    if [ -e "$directory/deaf" ]; then
        echo "generation $generation is deaf to TERM"
    else
        rm "$directory/service.pid"
        exit "$(cat "$directory/end")"
    fi
}
trap stop TERM
trap '"$0" "$directory" $((generation + 1)) & successor=$!' HUP
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
until [ -n "$successor" ] && [ -e "$directory/served.$successor" ]; do
    sleep 0.1
done
