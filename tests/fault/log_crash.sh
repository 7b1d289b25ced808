#!/bin/bash
# Runs the crash campaign for the audit log in memory, where a sync costs nothing: log_crash PROGRAM [STRIDE]
set -eu
program=${1:?program}
folder=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/log-crash.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$program" "$folder" "${2:-1}"
