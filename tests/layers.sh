#!/bin/bash
# Proves the structure from the include lines and the link lines:
# a layer includes only lower ones; a program includes layers and its own folder; libraries from
# outside stay where they may be; a program links what its row says.
set -u
build=${1:?build folder}
cd "$(dirname "$0")/.." || exit 1
bad=0
say() { echo "layers: $*"; bad=1; }

order="base sandbox ipc settings domain audit media evidence client"
rank() { local n=0 layer; for layer in $order; do n=$((n + 1)); [ "$layer" = "$1" ] && { echo $n; return; }; done; echo 0; }

for file in $(find src/lib -name '*.[ch]'); do
	layer=$(echo "$file" | cut -d/ -f3)
	while read -r included; do
		other=${included%%/*}
		[ "$other" = "$included" ] && { [ -e "$(dirname "$file")/$included" ] || say "$file includes '$included', which is nowhere beside it"; continue; }
		[ "$other" = retention ] && continue
		[ "$(rank "$other")" -gt 0 ] || { say "$file includes '$included', which is no layer"; continue; }
		[ "$(rank "$other")" -le "$(rank "$layer")" ] || say "$file (layer $layer) includes '$included' from a higher layer"
	done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file")
done

for file in $(find src/daemon src/tools -name '*.[ch]'); do
	folder=$(dirname "$file")
	while read -r included; do
		other=${included%%/*}
		if [ "$other" = "$included" ]; then
			[ -e "$folder/$included" ] || say "$file includes '$included', which is not in its own folder"
		elif [ "$other" != retention ] && [ "$(rank "$other")" -eq 0 ]; then
			say "$file includes '$included', which is neither a layer nor its own"
		fi
	done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file")
done

# header | folders that may include it
while IFS='|' read -r header folders; do
	for file in $(grep -rlE "^#include <$header" src include --include='*.[ch]' || true); do
		allowed=no
		for folder in $folders; do case $file in "$folder"*) allowed=yes ;; esac; done
		[ $allowed = yes ] || say "$file includes <$header…>, which is for: $folders"
	done
done <<'TABLE'
libav|src/lib/media/
inotifytools/|src/daemon/watcher/
sys/inotify.h|src/daemon/watcher/ src/daemon/guard/
sys/fanotify.h|src/daemon/guard/
sqlite3.h|src/daemon/keeper/
microhttpd.h|src/console/
libconfig.h|src/lib/settings/
curl/|src/daemon/publisher/
openssl/|src/daemon/hasher/ src/lib/audit/sha256_libcrypto.c
sodium.h|src/lib/audit/ src/console/
qrencode.h|src/tools/retentionctl/
event2/|src/lib/ipc/ src/daemon/keeper/ src/daemon/supervisor/
jansson.h|src/lib/audit/ src/lib/evidence/ src/lib/client/ src/daemon/keeper/ src/tools/
TABLE

# Footage is unlinked and renamed in reaper alone; keeper and the audit log do it to their own state.
for file in $(grep -rlE '\b(unlink|unlinkat|rename|renameat|renameat2|rmdir)\(' src --include='*.c' || true); do
	case $file in
	src/daemon/reaper/* | src/daemon/supervisor/* | src/daemon/keeper/state.c | src/daemon/keeper/index.c | src/lib/audit/* | src/lib/base/descriptor.c | src/tools/retentionctl/output_file.c) ;;
	*) say "$file unlinks or renames; only reaper does that to footage" ;;
	esac
done

# program | libraries it may link beside libc
while IFS='|' read -r program libraries; do
	[ -e "$build/$program" ] || { say "$program is not built"; continue; }
	for library in $(readelf -d "$build/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
		case " $libraries libc libm ld-linux libasan libubsan libgcc_s " in
		*" ${library%%.so*} "* | *" ${library%%-*} "*) ;;
		*) say "$program links $library, which its row does not name" ;;
		esac
	done
done <<'TABLE'
sbin/retentiond|libconfig libevent_core
libexec/watcher|libinotifytools
libexec/prober|libavformat libavcodec libavutil
libexec/hasher|libcrypto
libexec/reaper|
libexec/keeper|libsqlite3 libjansson libevent_core libsodium
libexec/guard|
libexec/publisher|libcurl
bin/retentionctl|libconfig libjansson libsodium libcrypto libqrencode
bin/retention-verify|libjansson libsodium libcrypto
TABLE
[ $bad -eq 0 ] && echo "layers: fine"
exit $bad
