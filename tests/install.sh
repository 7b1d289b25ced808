#!/bin/bash
# Installs into a scratch folder, runs what was installed, uninstalls, and fails if any file remains but the configuration.
set -eu
build=${1:?build folder}/packaged # other paths are built in, so it is a build of its own
cd "$(dirname "$0")/.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
${MAKE:-make} -s O="$build" PREFIX=/usr DESTDIR="$root" sysconfdir=/etc install
"$root/usr/bin/retentionctl" --version
"$root/usr/sbin/retentiond" --version
"$root/usr/bin/retention-verify" --version
for program in watcher prober hasher guard reaper keeper publisher; do test -x "$root/usr/libexec/retention/$program"; done
test -e "$root/usr/share/retention/layouts/frigate.conf"
test -e "$root/usr/lib/pkgconfig/retention.pc"
test -e "$root/usr/lib/pkgconfig/retention-log.pc"
# A library user builds against what was installed.
cat >"$root/user.c" <<'C'
#include <retention/client.h>
int main(void) { return 0; }
C
${CC:-cc} -I"$root/usr/include" "$root/user.c" -L"$root/usr/lib" -lretention -o "$root/user"
cat >"$root/user.c" <<'C'
#include <retention/log.h>
int main(void) { retention_log_close(0); return 0; }
C
${CC:-cc} -I"$root/usr/include" "$root/user.c" -L"$root/usr/lib" -lretention-log -o "$root/user"
rm "$root/user.c" "$root/user"
test "$(find "$root" -perm /o+w -type f | wc -l)" -eq 0
${MAKE:-make} -s O="$build" PREFIX=/usr DESTDIR="$root" sysconfdir=/etc uninstall
left=$(find "$root" -type f -o -type l | grep -v '/etc/retention/retention.conf' || true)
test -z "$left" || { echo "left behind: $left"; exit 1; }
echo "install: fine"
