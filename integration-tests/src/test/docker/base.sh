#!/bin/sh
# Makes the root file system of a small image in a directory, of what this machine has: a JRE of the JDK at JAVA_HOME with the libraries that
# it needs, busybox as the shell, and perl if there is one. No registry is asked.
#   base.sh JAVA_HOME DIRECTORY
set -eu
java=$1 root=$2
mkdir -p "$root/bin" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp"
chmod 1777 "$root/tmp"
"$java/bin/jlink" --add-modules java.base,java.logging,java.management,java.naming,java.sql,java.xml,jdk.unsupported,jdk.management \
    --strip-java-debug-attributes --no-header-files --no-man-pages --output "$root/jre" \
    --add-options ' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC' # each JVM lives for seconds
if perl=$(command -v perl); then
    cp -L "$perl" "$root/bin/perl"
fi
libc=$(ldd "$java/bin/java" | awk '$1 == "libc.so.6" { print $3 }')
{
    for name in libdl.so.2 libm.so.6 libpthread.so.0 librt.so.1; do # of the native code in jars
        echo "${libc%/*}/$name"
    done
    find "$root/jre" "$root/bin" -type f \( -name '*.so' -o -perm -1 \) -exec ldd {} + 2> /dev/null |
        awk '$2 == "=>" && $3 ~ "^/" { print $3 } $1 ~ "^/lib" && $2 !~ "=>" && $1 !~ ":$" { print $1 }'
} | grep -v "^$root" | sort -u | while read -r library; do
    mkdir -p "$root/${library%/*}"
    cp -L "$library" "$root/$library"
done
"$root/jre/bin/java" -Xshare:dump > /dev/null # each JVM starts twice as fast
cp -L "$(command -v busybox)" "$root/bin/busybox"
ln -s /jre/bin/java "$root/bin/java"
for applet in sh cat kill ls mkfifo mount mv ps readlink rm setsid sleep uname env; do
    ln -s busybox "$root/bin/$applet"
done
echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
