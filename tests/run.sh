#!/bin/bash
# Runs suites of tests and ends with "N passed, N failed, N skipped", summed over all runners.
#   tests/run.sh all|lint|unit|sanitize|valgrind|system|recorders|kill|campaigns|fuzz|compilers BUILD [name or seconds]
# What a suite prints is kept in BUILD/logs/<suite>; of a failing one the end is shown.
set -u
suite=${1:?suite}
build=${2:?build folder}
only=${3:-}
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
mkdir -p "$build/logs"
passed=0 failed=0 skipped=0
MAKE=${MAKE:-make}
cores=$(nproc)

# count PASSED FAILED SKIPPED NAME SECONDS
count() {
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	printf '%-34s %5d passed %4d failed %4d skipped %5d s\n' "$4" "$1" "$2" "$3" "$5"
}

# One command that counts as one test.
single() {
	local name=$1 log start
	shift
	log="$build/logs/${name//[ \/]/-}"
	start=$SECONDS
	if "$@" >"$log" 2>&1; then
		count 1 0 0 "$name" $((SECONDS - start))
	else
		tail -n 40 "$log"
		count 0 1 0 "$name" $((SECONDS - start))
	fi
}

# cmocka programs, two at a time: "[  PASSED  ] 3 test(s)."
units() {
	local name=$1 folder=$2 wrapper=$3 log start p=0 f=0 s=0 test n status tests
	log="$build/logs/${name//[ \/]/-}"
	start=$SECONDS
	rm -rf "$log" && mkdir -p "$log"
	tests=$(ls "$folder"/*_test)
	[ -z "$only" ] || tests=$folder/${only}_test
	# shellcheck disable=SC2016
	echo "$tests" | LOG=$log WRAPPER=$wrapper xargs -P "$cores" -I{} sh -c \
		'$WRAPPER {} >"$LOG/$(basename {})" 2>&1; echo $? >"$LOG/$(basename {}).status"'
	for test in $tests; do
		test=$log/$(basename "$test")
		status=$(cat "$test.status")
		n=$(sed -n 's/.*\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' "$test" | tail -n 1)
		p=$((p + ${n:-0}))
		n=$(sed -n 's/.*\[  FAILED  \] \([0-9]*\) test(s).*/\1/p' "$test" | head -n 1)
		[ "$status" -eq 0 ] || f=$((f + ${n:-1}))
		n=$(grep -c '\[  SKIPPED \] [a-z]' "$test")
		s=$((s + n / 2)) # each is listed once when it is skipped and once in the summary
		[ "$status" -eq 0 ] || { echo "failed: $wrapper $(basename "$test")"; tail -n 30 "$test"; }
	done
	count $p $f $s "$name" $((SECONDS - start))
}

# bats files, as TAP.
bats_files() {
	local name=$1 log start p f s
	shift
	log="$build/logs/${name//[ \/]/-}"
	start=$SECONDS
	bats --jobs "$cores" --no-parallelize-within-files --tap --print-output-on-failure "$@" >"$log" 2>&1 </dev/null
	local status=$?
	s=$(grep -c '^ok .* # skip' "$log")
	p=$(($(grep -c '^ok ' "$log") - s))
	f=$(grep -c '^not ok ' "$log")
	[ $status -eq 0 ] || [ "$f" -gt 0 ] || f=1
	[ "$f" -eq 0 ] || grep -A25 '^not ok ' "$log"
	[ "$s" -eq 0 ] || grep '^ok .* # skip' "$log"
	count "$p" "$f" "$s" "$name" $((SECONDS - start))
}

chosen() { # folder
	if [ -n "$only" ]; then echo "$1/$only.bats"; else ls "$1"/*.bats; fi
}

suite_build() {
	single "build gcc" "$MAKE" -s O="$build" -j"$cores" DEVELOPER=1 all unit-tests man
	single "build clock" "$MAKE" -s O="$build/clock" -j"$cores" DEVELOPER=1 TEST_CLOCK=1 all
}
suite_compilers() {
	single "build clang" "$MAKE" -s O="$build/clang" -j"$cores" CC=clang DEVELOPER=1 all
	single "hardening" "$MAKE" -s O="$build" DEVELOPER=1 check-hardening
	single "install" "$MAKE" -s O="$build" DEVELOPER=1 check-install
}
suite_lint() {
	for check in format layers headers cppcheck tidy man; do
		single "lint $check" "$MAKE" -s O="$build" DEVELOPER=1 "check-$check"
	done
}
suite_unit() { units unit "$build/tests/unit" ""; }
suite_sanitize() {
	single "build sanitizers" "$MAKE" -s O="$build/sanitize" -j"$cores" SANITIZE=address,undefined CFLAGS='-O1 -g' DEVELOPER=1 all unit-tests
	ASAN_OPTIONS=detect_leaks=1 units "unit asan ubsan" "$build/sanitize/tests/unit" ""
}
suite_valgrind() {
	AUDIT_KILLS=5 units "unit valgrind" "$build/tests/unit" "valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes"
}
suite_system() {
	# shellcheck disable=SC2046
	RETENTION_BUILD=$top/$build bats_files "system" $(chosen tests/system)
}
# All but the tests under libfaketime, which cannot be loaded before a sanitizer's own library.
suite_system_sanitize() {
	single "build sanitizers clock" "$MAKE" -s O="$build/sanitize/clock" -j"$cores" SANITIZE=address,undefined CFLAGS='-O1 -g' TEST_CLOCK=1 all
	# shellcheck disable=SC2010,SC2046
	ASAN_OPTIONS=detect_leaks=0 RETENTION_BUILD=$top/$build/sanitize bats_files "system asan ubsan" $(ls tests/system/*.bats | grep -v faketime)
}
suite_recorders() {
	# shellcheck disable=SC2046
	RETENTION_BUILD=$top/$build bats_files "recorders" $(chosen tests/recorders)
}
suite_kill() {
	single "log crash" "$MAKE" -s O="$build" DEVELOPER=1 check-log-crash LOG_CRASH_STRIDE="${LOG_CRASH_STRIDE:-7}"
	single "kill -9 at random points" tests/fault/kill.sh "$build" "${KILL_ROUNDS:-200}"
}
# What takes longer than `make check` may.
suite_campaigns() {
	single "log crash at every point" "$MAKE" -s O="$build" DEVELOPER=1 check-log-crash LOG_CRASH_STRIDE=1
	GUARD_STORM_SECONDS=${GUARD_STORM_SECONDS:-60} RETENTION_BUILD=$top/$build \
		bats_files "a minute of opens" -f "eight readers" tests/system/guard_entries.bats
}
suite_fuzz() {
	local seconds=${only:-5} fuzzer name corpus
	for fuzzer in "$build"/fuzz/*_fuzz; do
		name=$(basename "$fuzzer" _fuzz)
		corpus=$build/corpus/$name
		mkdir -p "$corpus"
		# shellcheck disable=SC2046
		single "fuzz $name" "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$corpus-" \
			$([ -f "tests/fuzz/$name.dict" ] && echo "-dict=tests/fuzz/$name.dict") "$corpus" $([ -d "tests/fuzz/corpus/$name" ] && echo "tests/fuzz/corpus/$name")
	done
}

case $suite in
all)
	suite_build
	[ $failed -eq 0 ] || { echo "$passed passed, $failed failed, $skipped skipped"; exit 1; }
	suite_unit
	suite_system
	suite_recorders
	suite_kill
	suite_lint
	suite_compilers
	suite_sanitize
	suite_system_sanitize
	suite_valgrind
	single "build fuzzers" "$MAKE" -s O="$build/fuzzing" -j"$cores" CC=clang SANITIZE=address,undefined,fuzzer-no-link CFLAGS='-O1 -g' fuzzers
	build=$build/fuzzing
	mkdir -p "$build/logs"
	only=${FUZZ_SECONDS:-5}
	suite_fuzz
	single "fuzz probe" "$MAKE" -s O="$build" CC=clang SANITIZE=address,undefined,fuzzer-no-link CFLAGS='-O1 -g' fuzz-probe PROBE_FUZZ_ROUNDS=300
	;;
*)
	"suite_$suite"
	;;
esac
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
