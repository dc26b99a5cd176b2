#!/bin/sh
# A service as a launcher sees one: each generation writes the PID file when it is ready, and ends when it has a successor. It says what it
# is, and which signals it gets. The last word of its directory's file "end" is the status with which a stop ends it.
#   service.sh DIRECTORY [GENERATION]
directory=$1 generation=${2:-1}
for name in INT QUIT USR1; do
    # shellcheck disable=SC2064
    trap "echo generation $generation got $name" "$name"
done
trap 'rm "$directory/service.pid"; exit "$(cat "$directory/end")"' TERM
trap '"$0" "$directory" $((generation + 1)) & successor=$!' HUP
trap 'exec sleep 1000' USR2 # ends at any signal, without a word
successor=
echo $$ > "$directory/.next"
mv "$directory/.next" "$directory/service.pid"
echo "generation $generation (pid $$) is serving"
until [ -n "$successor" ] && [ "$(cat "$directory/service.pid")" = "$successor" ]; do
    sleep 0.1
done
