# What leaves the box: alarms and checkpoints by syslog, checkpoints to a witness, and what a dishonest admin cannot hide.
load world
bats_require_minimum_version 1.5.0

SEED=202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
WITNESS_KEY=witness.example.test/w1+e07bb2cd+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X

setup() {
	world_open
	RECEIVED=$WORLD/received
	HELPERS=$BATS_TEST_TMPDIR/helpers
	: >"$HELPERS"
	world_root frigate frigate
}
teardown() {
	helpers_end
	world_close
}

helper() { # COMMAND…: ends with the test
	"$@" >>"$WORLD/helper.log" 2>&1 3>&- 4>&- &
	HELPER=$!
	echo $HELPER >>"$HELPERS"
}
helpers_end() {
	local pid
	while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$HELPERS"
	: >"$HELPERS"
}

receiver() { # KIND PORT [CERTIFICATE KEY]
	: >>"$RECEIVED"
	helper python3 "$BATS_TEST_DIRNAME/syslog_receiver.py" "$1" "$2" "$RECEIVED" "${@:3}"
	RECEIVER=$HELPER
	if [ "$1" = udp ]; then until_true 5 takes_datagrams "$2"; else until_true 5 listens "$2"; fi
}
# In the kernel's list: a connection would be one that the receiver has to read.
takes_datagrams() { grep -q "$(printf ':%04X 00000000:0000 07' "$1")" /proc/net/udp; }
listens() { grep -q "$(printf ':%04X 00000000:0000 0A' "$1")" /proc/net/tcp; }

witness_start() {
	export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$BATS_SUITE_TMPDIR/go-cache GOFLAGS=
	[ -x "$BATS_SUITE_TMPDIR/witness" ] ||
		go build -o "$BATS_SUITE_TMPDIR/witness" "$BATS_TEST_DIRNAME/../witness/witness.go"
	helper "$BATS_SUITE_TMPDIR/witness" -listen "127.0.0.1:$WITNESS_PORT" -state "$WORLD/witness.json" -seed $SEED \
		-log "${1:-$(ctl key show --json | jq -r .witness_key)}"
	WITNESS=$HELPER
	until_true 5 listens "$WITNESS_PORT"
}

start() { world_start; }
reload() { world_config; ctl config reload --yes >/dev/null; }

publish_to() { EXTRA="publish = { syslog = ( $(printf '"%s",' "$@" | sed 's/,$//') ); };"; }
with_witness() {
	WITNESS_PORT=$(free_port)
	EXTRA="publish = { witnesses = ( { url = \"http://127.0.0.1:$WITNESS_PORT/w\"; key = \"$WITNESS_KEY\"; } ); };"
}

received() { grep -q -- "$1" "$RECEIVED"; }
received_weakened() { grep " configuration " "$RECEIVED" | grep -q "weakened=\"[^\"]*$1"; }
late() { ctl status --json | jq -e "$1" >/dev/null; }
cosigned_size() { ctl witness list --json | jq -r '.witnesses[0].size'; }
is_cosigned() { [ "$(cosigned_size)" -gt "${1:-0}" ]; }
checkpoint() { ctl log checkpoint >/dev/null; }

@test "messages are RFC 5424, by UDP, and a checkpoint made from one verifies the log" {
	local port checkpoint
	port=$(free_port)
	publish_to "udp://127.0.0.1:$port"
	receiver udp "$port"
	start
	HOLDS='two_person = true; release_delay = "PT0S";'
	reload
	HOLDS='two_person = false; release_delay = "PT0S";'
	reload
	until_true 10 received_weakened "two_person off"
	grep -Eq '^<84>1 [0-9-]{10}T[0-9:.]+Z [^ ]+ retentiond - configuration \[timeQuality tzKnown="1" isSynced="[01]"[^]]*\]\[retention@32473 origin="[^"]+" sequence="[0-9]+" action="configuration"[^]]*\] the configuration was weakened: two_person off$' "$RECEIVED"
	checkpoint
	until_true 10 received ' checkpoint \['
	# The recipe of retention-log(5).
	checkpoint=$(grep ' checkpoint \[' "$RECEIVED" | tail -n 1)
	field() { sed -n "s/.* $1=\"\([^\"]*\)\".*/\1/p" <<<"$checkpoint"; }
	printf '%s\n%s\n%s\n\n\xe2\x80\x94 %s %s\n' "$(field origin)" "$(field size)" "$(field root)" "$(field origin)" "$(field signature)" >"$WORLD/kept"
	world_stop
	run -0 "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --checkpoint "$WORLD/kept"
	# Another root under the same signature is none.
	sed -i '3s/^./x/' "$WORLD/kept"
	run "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --checkpoint "$WORLD/kept"
	[ "$status" -ne 0 ]
}

@test "a receiver that is down for a while gets everything later, in order, once" {
	local port i
	port=$(free_port)
	publish_to "tcp://127.0.0.1:$port"
	receiver tcp "$port"
	start
	checkpoint
	until_true 10 received ' checkpoint \['
	kill "$RECEIVER"
	for i in 1 2 3 4; do
		INTERVAL=PT1$((i))S
		reload
	done
	until_true 5 late '.publish.receivers[0] | .waiting >= 4 and .failures > 0'
	# What waits is durable: keeper is killed and comes back.
	kill -KILL "$(child_pid keeper)"
	until_true 20 daemon_answers
	until_true 5 late '.publish.receivers[0].waiting >= 4'
	receiver tcp "$port"
	until_true 40 late '.publish.receivers[0].waiting == 0' || {
		ctl status --json | jq .publish
		kill -0 "$RECEIVER" || echo "the receiver is gone"
		return 1
	}
	[ "$(grep -c ' configuration \[' "$RECEIVED")" = 4 ]
	grep -o 'sequence="[0-9]*"' "$RECEIVED" | tr -dc '0-9\n' >"$WORLD/order"
	sort -n "$WORLD/order" | uniq | cmp - "$WORLD/order"
}

@test "TLS is verified: a receiver whose certificate nobody vouches for gets nothing, the right one does" {
	need_root
	local port
	port=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$WORLD/key.pem" -out "$WORLD/cert.pem" 2>/dev/null
	chmod a+r "$WORLD/cert.pem"
	publish_to "tls://127.0.0.1:$port"
	receiver tls "$port" "$WORLD/cert.pem" "$WORLD/key.pem"
	start
	checkpoint
	until_true 15 late '.publish.receivers[0].error | test("certificate"; "i")'
	[ ! -s "$RECEIVED" ]
	world_stop
	# The same with the certificate among those that the machine trusts, in a mount namespace of the daemon's own.
	mkdir -p "$WORLD/programs/sbin"
	cat >"$WORLD/programs/sbin/retentiond" <<-SH
		#!/bin/sh
		exec unshare -m sh -c 'mount --bind "$WORLD/cert.pem" /etc/ssl/certs/ca-certificates.crt; exec "$INSTALLED/sbin/retentiond" "\$@"' sh "\$@"
	SH
	chmod +x "$WORLD/programs/sbin/retentiond"
	WORLD_PROGRAMS=$WORLD/programs start
	until_true 15 received ' checkpoint \['
}

@test "a dishonest admin is seen outside: each weakening, the clock, and the receiver's own removal" {
	local port i start
	port=$(free_port)
	world_clock "$(date +%s)"
	publish_to "udp://127.0.0.1:$port"
	EXTRA+='brake = { days = 2; minimum = 5; };'
	receiver udp "$port"
	HOLDS='two_person = true; release_delay = "P1D";'
	for i in $(seq 1 12); do
		start=$(($(days_ago 50) + i * 86400))
		frigate gate $start >/dev/null
		touch -d "@$((start + 80000))" "$WORLD/frigate/$(date -u -d "@$start" +%Y-%m-%d/%H/gate/%M.%S.mp4)"
	done
	start
	# More than the brake allows, and a person who lets it go on.
	until_true 10 received ' brake \['
	ctl deletion resume --yes >/dev/null
	until_true 10 received ' brake-released \['
	HOLDS='two_person = false; release_delay = "PT0S";'
	POLICY='retention = "P31D"; legal_maximum = "P2M";'
	ROOTS=${ROOTS/enforce/observe}
	reload
	until_true 10 received_weakened "two_person off"
	received_weakened "root frigate observes"
	received_weakened "retention longer: policy"
	received_weakened "holds.release_delay shorter"
	grep -q 'user.name="[^"]*"' "$RECEIVED" # who asked
	# The clock, and a person who vouches for it.
	world_step $((40 * 86400))
	until_true 20 received ' clock-step \['
	ctl clock confirm --yes >/dev/null
	until_true 10 received ' clock-confirmed \['
	# While nothing runs.
	world_stop
	EXTRA=${EXTRA/minimum = 5/minimum = 99999}
	start
	until_true 10 received_weakened "brake raised"
	until_true 10 received ' gap \['
	# The last word goes to the one that is taken out.
	EXTRA=
	reload
	until_true 10 received_weakened "publish target removed: udp://127.0.0.1:$port"
	until_true 10 late '.publish.receivers == []'
}

@test "a witness cosigns, and its signature stands in the checkpoint" {
	with_witness
	start
	# It does not know the log: that is said, with what to do.
	witness_start "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
	checkpoint
	until_true 10 late '.publish.witnesses[0].error // "" | test("key for witnesses.*witness list.*404")'
	kill "$WITNESS"
	until_true 5 fails listens "$WITNESS_PORT"
	# A key of that name, and another one: an epoch's that is over.
	local key
	key=$(ctl key show --json | jq -r .key)
	ctl key rotate --yes >/dev/null
	INTERVAL=PT11S
	reload
	checkpoint
	witness_start "$key"
	run ctl witness test "http://127.0.0.1:$WITNESS_PORT/w"
	[ "$status" -ne 0 ]
	[[ "$output" == *"key for witnesses"*"(403)"* ]]
	kill "$WITNESS"
	until_true 5 fails listens "$WITNESS_PORT"
	witness_start
	run -0 ctl witness test "http://127.0.0.1:$WITNESS_PORT/w"
	[[ "$output" == *"for witnesses: $(ctl key show --json | jq -r .witness_key)"* ]]
	until_true 10 is_cosigned 0
	grep -q '^— witness.example.test/w1 4HuyzQ' "$WORLD/state/log/checkpoint.witnessed"
	grep -q '^— witness.example.test/w1 4HuyzQ' "$WORLD/state/log/checkpoint"
	[ "$(entries witnessed | jq -r .event.reason | head -n 1)" = "first cosignature of this log" ]
	# Growth is proved, without an entry each time.
	local before
	before=$(cosigned_size)
	HOLDS='two_person = true; release_delay = "PT0S";'
	reload
	checkpoint
	until_true 10 is_cosigned "$before"
	[ "$(entries witnessed | wc -l)" = 1 ]
	ctl witness list | grep -q "127.0.0.1:$WITNESS_PORT"
	ctl witness list | grep -qxF "for witnesses: $(ctl key show --json | jq -r .witness_key)"
	# A sign of life when nothing has changed.
	run -0 ctl witness test "http://127.0.0.1:$WITNESS_PORT/w"
	[ "$(grep -c '^— witness' "$WORLD/state/log/checkpoint")" = 1 ]
}

# A key for cosignatures with the witness's name and the public key of another.
witness_key_of() { # VERIFIER KEY
	python3 -c 'import base64, hashlib, sys
name, key = "witness.example.test/w1", b"\x04" + base64.b64decode(sys.argv[1].split("+", 2)[2])[1:]
print("%s+%s+%s" % (name, hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8], base64.b64encode(key).decode()))' "$1"
}

@test "keys change, and a witness that was given one key at the beginning goes on signing" {
	with_witness
	start
	local kept key epoch before
	kept=$(ctl key show --json | jq -r .witness_key)
	key=$(ctl key show --json | jq -r .key)
	[ "${kept%%+*}" = "${key%%+*}" ]
	[ "$kept" != "$key" ]
	witness_start "$kept"
	checkpoint
	until_true 10 is_cosigned 0
	for epoch in 1 2; do
		before=$(cosigned_size)
		ctl key rotate --yes >/dev/null
		[ "$(ctl key show --json | jq .epoch)" = $epoch ]
		until_true 10 is_cosigned "$before"
		# The first that the new key signs alone.
		INTERVAL=PT1${epoch}S
		reload
		before=$(cosigned_size)
		checkpoint
		until_true 10 is_cosigned "$before"
	done
	[ "$(ctl witness list --json | jq -r .witness_key)" = "$kept" ]
	# As a file of keys, what `key show` prints does not have it.
	ctl key show >"$WORLD/keys"
	[ "$(grep -c '^[^#]' "$WORLD/keys")" = 2 ]
	grep -qxF "# $kept" "$WORLD/keys"
	fails grep -q ' 40[34] \|403\|404' "$WORLD/helper.log"
	[ "$(entries witnessed | wc -l)" = 1 ]
	world_stop
	# After a start as well; nothing that verifies the log knows that key.
	start
	[ "$(ctl key show --json | jq -r .witness_key)" = "$kept" ]
	before=$(cosigned_size)
	checkpoint
	until_true 10 is_cosigned "$before"
	world_stop
	[ "$(stat -c %a "$WORLD/state/keys/witness.seed")" = 600 ]
	run -0 "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --key "$WORLD/keys" --witness "$WITNESS_KEY"
	[[ "$output" == *"witness.example.test/w1"* ]]
	# A witness of that name with another key has signed nothing; nor has the right one, once its signature is another.
	run -2 "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --key "$WORLD/keys" --witness "$(witness_key_of "$key")"
	echo "$output"
	[ "${lines[-1]}" = "BROKEN: no checkpoint of the log is signed by a witness that was given" ]
	cp -a "$WORLD/state/log" "$WORLD/copy"
	sed -E -i '/^— witness/{s/A(.{30})$/B\1/;t;s/.(.{30})$/A\1/}' "$WORLD/copy"/checkpoint*
	fails cmp -s "$WORLD/state/log/checkpoint.witnessed" "$WORLD/copy/checkpoint.witnessed"
	run -2 "$INSTALLED/bin/retention-verify" log "$WORLD/copy" --key "$WORLD/keys" --witness "$WITNESS_KEY"
	run "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --key "$kept"
	[ "$status" -ne 0 ]
	[ "$(grep -c '^— [^w]' "$WORLD/state/log/checkpoint")" = 1 ]
}

@test "a log that was rolled back, and one that was rewritten from there on, are refused by the witness and alarmed" {
	local port before
	with_witness
	port=$(free_port)
	EXTRA="${EXTRA%; \};}; syslog = ( \"udp://127.0.0.1:$port\" ); };"
	receiver udp "$port"
	start
	witness_start
	checkpoint
	until_true 15 is_cosigned 0
	# Root keeps an old state, and puts it back when the log has grown.
	world_stop
	cp -a "$WORLD/state" "$WORLD/state.old"
	start
	for INTERVAL in PT2S PT3S; do reload; done
	checkpoint
	before=$(jq '.[].Size' "$WORLD/witness.json")
	until_true 15 eval "[ \"\$(jq '.[].Size' '$WORLD/witness.json')\" -ge \$(ctl status --json | jq .log.published) ]"
	world_stop
	cp "$WORLD/state/log/checkpoint" "$WORLD/kept"
	run -0 "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --checkpoint "$WORLD/kept"
	cp -a "$WORLD/state" "$WORLD/state.true"
	rm -rf "$WORLD/state"
	cp -a "$WORLD/state.old" "$WORLD/state"
	: >"$RECEIVED"
	start
	until_true 15 late '.publish.witnesses[0].conflict'
	until_true 5 has_entry witness-conflict
	until_true 10 received '^<81>1 .* witness-conflict \['
	# It goes on, and grows past what the witness has: still another history.
	for INTERVAL in PT4S PT5S PT6S PT7S PT8S PT9S; do reload; done
	checkpoint
	run ctl witness test "http://127.0.0.1:$WITNESS_PORT/w"
	[ "$status" -ne 0 ]
	run -2 ctl status
	[[ "$output" == *"knows another history of the audit log"* ]]
	[ "$(entries witness-conflict | wc -l)" = 1 ]
	# Whoever kept one checkpoint finds it too, from a copy of the log alone; by itself the log agrees with itself.
	run -0 "$INSTALLED/bin/retention-verify" log "$WORLD/state/log"
	run "$INSTALLED/bin/retention-verify" log "$WORLD/state/log" --checkpoint "$WORLD/kept"
	[ "$status" -ne 0 ]
	[ "$(jq '.[].Size' "$WORLD/witness.json")" -ge "$before" ]
	# The true log again: the witness signs, and the log says that they agree.
	world_stop
	rm -rf "$WORLD/state"
	cp -a "$WORLD/state.true" "$WORLD/state"
	start
	until_true 15 late '.publish.witnesses[0].conflict | not'
	run -0 ctl witness test "http://127.0.0.1:$WITNESS_PORT/w"
}

@test "publisher may do little: no capability, no file of ours, no process or thread" {
	need_root
	local port pid
	port=$(free_port)
	publish_to "udp://127.0.0.1:$port"
	receiver udp "$port"
	start
	checkpoint
	until_true 10 received ' checkpoint \['
	pid=$(child_pid publisher)
	grep -q '^CapPrm:[[:space:]]*0000000000000000$' "/proc/$pid/status"
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status"
	grep -q '^Threads:[[:space:]]*1$' "/proc/$pid/status"
	grep -q "^Uid:[[:space:]]*$(id -u nobody)" "/proc/$pid/status"
}
