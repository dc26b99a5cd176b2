#!/bin/sh
# Starts the HTTP server of the examples with a class-data archive: a JVM that maps its classes instead of loading and checking them is there sooner,
# and takes less of the processor from the process that it replaces. docs/startup.md has figures, and says what else was tried.
#
#   hello.sh --train                    makes the archive: once after each change of the jar or of the JDK, before the reload. Takes some seconds
#   hello.sh http --listen HOST:PORT ...  starts the server, with the archive if there is one that was made of this very jar and JDK
#
# One archive for each version: its name is a hash of the jar's content and of the JDK's release, and beside it is a copy of the jar, which is what
# runs. So a jar that is replaced, even while this script runs, never meets the archive of another: a JVM may believe a stale one
# (JDK-8377932: old classes run). The name has a checksum of the archive, too, since a JVM that maps half a file dies. Without a whole archive the
# server starts as ever.
#
#   HELLO_JAR    the jar; tableflip-examples.jar beside this script
#   HELLO_CACHE  a directory of this service's own for archives, which --train can write to; cache beside this script
#   HELLO_OPTS   options for the JVM, separated by spaces; without it those below
#   JAVA         java
# shellcheck disable=SC2086,SC2155 # HELLO_OPTS are words; an environment that cannot be kept is empty
set -u

# An upgrade starts this script in the environment that it keeps here. First, before anything is set.
export TABLEFLIP_START_ENVIRONMENT="${TABLEFLIP_START_ENVIRONMENT-$(env -0 | base64 | tr -d '\n')}"

case $0 in
    /*) self=$0 ;;
    *) self=$PWD/$0 ;;
esac
here=${self%/*}
jar=${HELLO_JAR:-$here/tableflip-examples.jar}
cache=${HELLO_CACHE:-$here/cache}
# The compilers give way to those who serve: a new process compiles for seconds after its takeover. Without root the JVM warns that it may
# lack a permission; it has all that this takes.
options=${HELLO_OPTS--XX:ThreadPriorityPolicy=1 -XX:CompilerThreadPriority=5}
java=${JAVA:-java}

# At an upgrade the old process runs this again: so that a new jar, archive or option counts.
TABLEFLIP_LAUNCHER=$self
export TABLEFLIP_LAUNCHER

# The file with the JDK's version and build: asking `java -version` would take as long as a JVM takes to start.
release_file() {
    program=$(command -v "$java") && program=$(readlink -f "$program") && echo "${program%/bin/java}/release"
}

# The suffix of its archives: from JDK 25 on an AOT cache, from 13 on one of AppCDS.
archive_kind() {
    while IFS='="' read -r name _ version _; do
        if [ "$name" = JAVA_VERSION ]; then
            version=${version%%[!0-9]*}
            if [ "${version:-0}" -ge 25 ]; then
                echo aot
            elif [ "${version:-0}" -ge 13 ]; then
                echo jsa
            fi
        fi
    done <"$1"
}

# A name for this jar with this JDK.
version_of() {
    hash=$(cat "$release" "$1" | sha256sum) && echo "${hash%% *}"
}

# Finds a whole archive of this version, and a whole copy of the jar.
find_archive() {
    cmp -s "$jar" "$cache/$version.jar" || return 1
    for archive in "$cache/$version".*."$kind"; do
        if [ -r "$archive" ] && [ "$archive" = "$cache/$version.$(checksum "$archive").$kind" ]; then
            return 0
        fi
    done
    return 1
}

checksum() {
    sum=$(cksum <"$1") && echo "${sum%% *}"
}

fail() {
    echo "hello.sh: $1" >&2
    exit 1
}

# What remains of a training, also of one that has failed.
end_training() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
    rm -rf "$work"
}

# Runs the server with some load, and has its JVM write the archive when it ends.
train() {
    [ -n "$kind" ] || fail "no archives for this JDK: it needs a file 'release', and to be 13 or later"
    [ -n "$version" ] || fail "cannot read $jar"
    if find_archive; then
        return 0
    fi
    mkdir -p "$cache" || exit 1
    work=$(mktemp -d "$cache/.train.XXXXXX") || exit 1
    server=
    trap end_training EXIT
    trap 'exit 1' HUP INT TERM
    cp -p "$jar" "$work/jar" || exit 1
    [ "$(version_of "$work/jar")" = "$version" ] || fail "$jar was replaced meanwhile"
    cmp -s "$work/jar" "$cache/$version.jar" || mv -f "$work/jar" "$cache/$version.jar" || exit 1
    case $kind in
        aot) write=-XX:AOTCacheOutput read="-XX:AOTMode=on -XX:AOTCache" ;;
        *) write=-XX:ArchiveClassesAtExit read="-Xshare:on -XX:SharedArchiveFile" ;;
    esac
    run_trained
    # believed only if a JVM takes it
    "$java" $options $read="$work/archive" -cp "$cache/$version.jar" -version >"$work/log" 2>&1 ||
        fail "the archive cannot be used: $(cat "$work/log")"
    mv -f "$work/archive" "$cache/$version.$(checksum "$work/archive").$kind" || exit 1
    for file in "$cache"/*.jar "$cache"/*.jsa "$cache"/*.aot; do
        case $file in
            "$cache/$version".*) ;;
            *) rm -f "$file" ;;
        esac
    done
}

run_trained() {
    : >"$work/log"
    "$java" $options $write="$work/archive" -jar "$cache/$version.jar" \
        http --listen 127.0.0.1:0 --pid-file "$work/pid" >"$work/log" 2>&1 &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        address=$(sed -n 's/^listening on \([^ ]*\) .*/\1/p' "$work/log")
        [ -z "$address" ] || break
        sleep 1
    done
    [ -n "$address" ] || fail "the server did not start: $(cat "$work/log")"
    "$java" -jar "$cache/$version.jar" load --url "http://$address/" --duration 2s >/dev/null 2>&1
    kill -TERM "$server"
    wait "$server" || fail "the training failed: $(cat "$work/log")"
    server=
    [ -s "$work/archive" ] || fail "the JVM wrote no archive: $(cat "$work/log")"
}

kind=
version=
release=$(release_file)
if [ -r "$release" ] && [ -r "$jar" ]; then
    kind=$(archive_kind "$release")
    version=$(version_of "$jar")
fi

if [ "${1:-}" = --train ]; then
    train
    exit 0
fi
if [ -n "$kind" ] && [ -n "$version" ] && find_archive; then
    case $kind in
        aot) set -- "-XX:AOTCache=$archive" -jar "$cache/$version.jar" "$@" ;;
        *) set -- "-XX:SharedArchiveFile=$archive" -jar "$cache/$version.jar" "$@" ;;
    esac
else
    set -- -jar "$jar" "$@"
fi
exec "$java" $options "$@"
