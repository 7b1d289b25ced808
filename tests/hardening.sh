#!/bin/bash
# Each program: position independent, RELRO, bound at start, no executable stack, no RPATH, stack protector where it has frames to protect.
set -u
bad=0
for program in "$@"; do
	headers=$(readelf -hldW "$program")
	check() { echo "$headers" | grep -qE "$2" || { echo "$program: $1 is missing"; bad=1; }; }
	refuse() { ! echo "$headers" | grep -qE "$2" || { echo "$program: $1"; bad=1; }; }
	check "position independent code" 'Type: +DYN'
	check "RELRO" 'GNU_RELRO'
	check "BIND_NOW" 'BIND_NOW|FLAGS.*NOW'
	check "the stack's header" 'GNU_STACK'
	refuse "has an executable stack" 'GNU_STACK.*RWE'
	refuse "has an RPATH" 'RPATH|RUNPATH'
	readelf -sW "$program" | grep -q '__stack_chk_fail' || { echo "$program: no stack protector"; bad=1; }
done
[ $bad -eq 0 ] && echo "hardening: fine"
exit $bad
