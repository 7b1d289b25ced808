#!/bin/bash
# kill -9 of any process at random points, many times: nothing that is held goes, no hold is lost, and what is gone is
# told exactly once. See README.md.
#   tests/fault/kill.sh BUILD [ROUNDS [SEED]]
set -eu
build=$(cd "${1:?build folder}" && pwd)
rounds=${2:-200}
seed=${3:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/retention-kill-XXXXXX")
chmod 755 "$scratch"
# The world of a failed run stays: its log and state are what explains it.
trap '[ "$?" -eq 0 ] && rm -rf "$scratch" || echo "the world of this run is in $scratch" >&2' EXIT

mkdir -p "$scratch/installed/sbin" "$scratch/installed/bin" "$scratch/installed/libexec/retention" "$scratch/installed/share/retention/layouts"
cp "$build"/sbin/* "$scratch/installed/sbin/"
cp "$build"/bin/* "$scratch/installed/bin/"
cp "$build"/libexec/* "$scratch/installed/libexec/retention/"
cp "$top"/config/layouts/*.conf "$scratch/installed/share/retention/layouts/"
python3 "$here/kill_campaign.py" "$scratch/installed" "$scratch/world" "$rounds" "$seed"
