# Installs once into a scratch folder; the tests use what was installed.
setup_suite() {
	export RETENTION_BUILD=${RETENTION_BUILD:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build}
	export INSTALLED=$BATS_SUITE_TMPDIR/installed
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	mkdir -p "$INSTALLED/sbin" "$INSTALLED/bin" "$INSTALLED/libexec/retention" "$INSTALLED/share/retention/layouts"
	cp "$RETENTION_BUILD"/sbin/* "$INSTALLED/sbin/"
	cp "$RETENTION_BUILD"/bin/* "$INSTALLED/bin/"
	cp "$RETENTION_BUILD"/libexec/* "$INSTALLED/libexec/retention/"
	cp "$top"/config/layouts/*.conf "$INSTALLED/share/retention/layouts/"
	# The same with keeper's clock injected (make TEST_CLOCK=1): for the tests of time.
	export RETENTION_CLOCK_BUILD=${RETENTION_CLOCK_BUILD:-$RETENTION_BUILD/clock}
	export INSTALLED_CLOCK=$BATS_SUITE_TMPDIR/installed-clock
	if [ -x "$RETENTION_CLOCK_BUILD/libexec/keeper" ]; then
		cp -r "$INSTALLED" "$INSTALLED_CLOCK"
		cp "$RETENTION_CLOCK_BUILD/libexec/keeper" "$INSTALLED_CLOCK/libexec/retention/"
	fi
	chmod -R a+rX "$BATS_SUITE_TMPDIR" "$(dirname "$BATS_SUITE_TMPDIR")"
	# One short clip that all tests copy: real footage where there is some.
	export CLIP=$BATS_SUITE_TMPDIR/clip.mp4
	if [ -n "${FOOTAGE_DIR:-}" ] && [ -e "$FOOTAGE_DIR/car-detection.mp4" ]; then
		ffmpeg -nostdin -v error -t 2 -i "$FOOTAGE_DIR/car-detection.mp4" -an -vf scale=160:-2 -c:v libx264 -preset ultrafast -g 10 "$CLIP"
	else
		ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=160x90:rate=10:duration=2 -c:v libx264 -preset ultrafast -g 10 "$CLIP"
	fi
}
