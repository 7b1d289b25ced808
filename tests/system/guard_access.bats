#!/usr/bin/env bats
# Who opened what: real programs and servers read footage, and the log names them. And what cannot be seen is not seen.
# One daemon for the whole file; each test has a camera of its own.
load world

CAMERAS="cat ffmpeg user sudo samba sftp ssh http two nginx mmap handle io_uring splice sendfile reopening short many \
namespace cgroup bind terminal device before passing looking"

# What is kept from setup_file to the tests, in the folder of the file.
setup_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	world_open
	disk_make footage
	disk_mount footage "$WORLD/frigate"
	world_root frigate frigate
	ROOTS=${ROOTS/enforce/observe}
	local camera start
	start=$(days_ago 2)
	for camera in $CAMERAS; do frigate "$camera" "$start" >/dev/null; done
	chmod -R a+rX "$WORLD/frigate"
	cc -D_GNU_SOURCE -O1 "$BATS_TEST_DIRNAME/guard_access.c" -o "$WORLD/reader"
	mkfifo "$WORLD/go"
	"$WORLD/reader" waiting "$(clip before)" <>"$WORLD/go" >"$WORLD/waiting" 2>&1 3>&- 4>&- &
	echo $! >"$WORLD/waiting.pid"
	until_true 5 grep -q open "$WORLD/waiting"
	local started=0
	world_start || started=$?
	echo "$DAEMON" >"$WORLD/daemon.pid"
	[ $started -eq 0 ]
	until_true 20 root_online frigate
	until_true 20 has_segments frigate/looking 1
	until_true 10 status_says '.roots[0].observation.since'
}

teardown_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	world_of_file
	kill "$(cat "$WORLD/waiting.pid")" 2>/dev/null || true
	if [ -n "$DAEMON" ]; then
		kill -TERM "$DAEMON" 2>/dev/null || true
		until_gone "$DAEMON"
	fi
	disks_release
}

until_gone() { local n; for n in $(seq 100); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done; kill -KILL "$1" 2>/dev/null || true; }

world_of_file() {
	WORLD=$BATS_FILE_TMPDIR/world
	export WORLD RETENTION_SOCKET=$WORLD/run/control.sock NO_COLOR=1 PAGER=cat
	DAEMON=$(cat "$WORLD/daemon.pid" 2>/dev/null) || DAEMON=
}

setup() {
	need_root
	world_of_file
	status_says '.roots[0].observation.level == "permission"' ||
		skip "this kernel has no permission events: $(ctl status --json | jq -c '.roots[0].observation')"
	SERVERS=
}

teardown() {
	local pid
	for pid in $SERVERS; do kill -TERM "$pid" 2>/dev/null || true; done
	for pid in $SERVERS; do until_gone "$pid"; done
	[ -z "${CLEAN:-}" ] || rmdir "$CLEAN" 2>/dev/null || true
	disks_release
}

clip() { echo "$WORLD"/frigate/*/*/"$1"/*.mp4; }

# The opens of a camera as a JSON list.
opens() { ctl log search --action "${2:-open}" --camera "frigate/$1" --output ndjson | jq -s .; }
opened() { opens "$1" "${3:-open}" | jq -e "$2" >/dev/null; }
# Soon one of them fits, and each is by a program that is meant: a regular expression of names.
seen() { # CAMERA NAMES FILTER
	until_true 5 opened "$1" "any(.[]; $3)" || { opens "$1"; return 1; }
	opened "$1" "all(.[]; .process.name | test(\"^($2)\$\"))" || { opens "$1"; return 1; }
}
# Whatever has happened before is in the log by now: an open that comes after it is.
settle() {
	local marker=$WORLD/marker.$BATS_TEST_NUMBER
	cp /bin/true "$marker" && cp /bin/cat "$marker"
	"$marker" "$(clip cat)" >/dev/null
	until_true 5 opened cat "any(.[]; .process.name == \"marker.$BATS_TEST_NUMBER\")"
}
unseen() { # CAMERA
	settle
	opened "$1" '. == []' || { opens "$1"; return 1; }
}

accepts() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# Starts a server in the background and waits until it answers on PORT.
serve() { # PORT COMMAND…
	local port=$1
	shift
	"$@" >"$BATS_TEST_TMPDIR/server.log" 2>&1 3>&- 4>&- &
	SERVERS+=" $!"
	until_true 10 accepts "$port" || { cat "$BATS_TEST_TMPDIR/server.log"; return 1; }
}
need_program() { command -v "$1" >/dev/null || skip "needs $1"; }

@test "cat: program, user, command line, parents" {
	cat "$(clip cat)" >/dev/null
	seen cat 'cat|marker.*' '.process.name == "cat" and .user.name == "root" and .user.id == "0" and .actor.reliable'
	opens cat | jq -e --arg f "$(clip cat)" --arg exe "$(realpath "$(command -v cat)")" --arg inode "$(stat -Lc %i "$(command -v cat)")" \
		'.[] | select(.process.name == "cat") | .process | .command_line == "cat " + $f and .executable == $exe and .executable_inode == $inode and (.parents[0].name == "bash")'
	opened cat 'all(.[]; .source == null and .network == null)'
}

@test "ffmpeg" {
	ffmpeg -nostdin -v error -i "$(clip ffmpeg)" -f null -
	seen ffmpeg ffmpeg '.process.executable | endswith("/ffmpeg")'
}

@test "cp by another user" {
	setpriv --reuid=games --regid=games --groups=4,24 cp "$(clip user)" /dev/null
	seen user cp '.user.name == "games" and .process.real_user.name == "games" and .actor.groups == "4 24"'
}

@test "sudo -u: the user that it became, and who had logged in" {
	need_program sudo
	# Logged in as somebody, as by pam_loginuid(8), where this kernel keeps it.
	bash -c 'echo 4242 >/proc/self/loginuid; exec sudo -n -u games cat "$1"' bash "$(clip sudo)" >/dev/null
	seen sudo 'cat|sudo' '.process.name == "cat" and .user.name == "games"'
	opened sudo 'any(.[] | select(.process.name == "cat"); any(.process.parents[]; .name == "sudo"))'
	[ ! -e /proc/self/loginuid ] || opened sudo 'any(.[] | select(.process.name == "cat"); .actor.login_uid == "4242")'
}

@test "smbclient through Samba: the Samba user and the client's address" {
	need_program smbd
	need_program smbclient
	local port folder=$BATS_TEST_TMPDIR/samba
	port=$(free_port)
	mkdir -p "$folder"/{private,state,cache,lock,run,ncalrpc}
	chmod 755 "$folder" "$BATS_TEST_TMPDIR"
	cat >"$folder/smb.conf" <<-CONF
		[global]
		workgroup = TEST
		server role = standalone server
		security = user
		passdb backend = tdbsam:$folder/private/passdb.tdb
		private dir = $folder/private
		state directory = $folder/state
		cache directory = $folder/cache
		lock directory = $folder/lock
		pid directory = $folder/run
		ncalrpc dir = $folder/ncalrpc
		interfaces = lo
		bind interfaces only = yes
		smb ports = $port
		log file = $folder/log
		load printers = no
		disable spoolss = yes
		[footage]
		path = $WORLD/frigate
		read only = yes
	CONF
	printf 'secret\nsecret\n' | pdbedit -s "$folder/smb.conf" -a -t games >/dev/null
	serve "$port" smbd --foreground -s "$folder/smb.conf"
	local path
	path=$(clip samba)
	smbclient -s "$folder/smb.conf" -p "$port" -U games%secret //127.0.0.1/footage -c "get ${path#"$WORLD/frigate/"} $BATS_TEST_TMPDIR/got"
	cmp "$CLIP" "$BATS_TEST_TMPDIR/got"
	seen samba 'smbd.*' '.user.name == "games" and .source.ip == "127.0.0.1" and .source.port > 0 and .network.protocol == "smb"'
	opened samba 'all(.[]; .user.name == "games" and (.process.executable | endswith("/smbd")))'
}

# sshd with keys, port and folder of its own.
sshd_start() {
	need_program sshd
	local folder=$BATS_TEST_TMPDIR/ssh
	SSH_PORT=$(free_port)
	mkdir -p "$folder"
	ssh-keygen -q -t ed25519 -N '' -f "$folder/host"
	ssh-keygen -q -t ed25519 -N '' -f "$folder/key"
	cp "$folder/key.pub" "$folder/authorized"
	[ -d /run/sshd ] || { mkdir -p -m 755 /run/sshd && CLEAN=/run/sshd; }
	cat >"$folder/config" <<-CONF
		Port $SSH_PORT
		ListenAddress 127.0.0.1
		HostKey $folder/host
		AuthorizedKeysFile $folder/authorized
		PidFile $folder/pid
		StrictModes no
		UsePAM no
		PermitRootLogin prohibit-password
		Subsystem sftp $(ls /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server 2>/dev/null | head -n 1)
	CONF
	SSH_OPTIONS=(-q -i "$folder/key" -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null)
	serve "$SSH_PORT" "$(command -v sshd)" -D -f "$folder/config"
}

@test "sftp through sshd: the client's address" {
	sshd_start
	sftp "${SSH_OPTIONS[@]}" -o BindAddress=127.0.0.2 -P "$SSH_PORT" "root@127.0.0.1:$(clip sftp)" "$BATS_TEST_TMPDIR/got"
	cmp "$CLIP" "$BATS_TEST_TMPDIR/got"
	seen sftp sftp-server '.source.ip == "127.0.0.2" and .source.port > 0 and .network.protocol == "ssh" and .user.name == "root"'
	opened sftp 'any(.[].process.parents[]; .executable | endswith("/sshd"))'
}

@test "a command given by ssh: the client's address" {
	sshd_start
	ssh "${SSH_OPTIONS[@]}" -b 127.0.0.3 -p "$SSH_PORT" root@127.0.0.1 "head -c 100 $(clip ssh)" >/dev/null
	seen ssh head '.source.ip == "127.0.0.3" and .network.protocol == "ssh"'
}

@test "python3 -m http.server: the client's address, and two at once are only counted" {
	local port
	port=$(free_port)
	serve "$port" /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory "$WORLD/frigate" "$port"
	local path
	path=$(clip http)
	get() { curl -sS --fail --interface "$1" -o /dev/null "http://127.0.0.1:$port/${2#"$WORLD/frigate/"}"; }
	get 127.0.0.4 "$path"
	get 127.0.0.5 "$path"
	seen http 'python3.*' '.source.ip == "127.0.0.4" and .network.protocol == "http"'
	seen http 'python3.*' '.source.ip == "127.0.0.5"'
	opened http 'all(.[]; .source.ip == "127.0.0.4" or .source.ip == "127.0.0.5")'
	# One that says nothing keeps its connection while another one reads.
	exec 8<>"/dev/tcp/127.0.0.1/$port"
	sleep 0.2
	get 127.0.0.6 "$(clip two)"
	exec 8>&-
	seen two 'python3.*' '.source == null and .actor.clients == 2'
}

@test "nginx: the client's address" {
	need_program nginx
	local port folder=$BATS_TEST_TMPDIR/nginx path
	port=$(free_port)
	mkdir -p "$folder"
	cat >"$folder/nginx.conf" <<-CONF
		daemon off;
		pid $folder/pid;
		error_log $folder/error.log;
		worker_processes 1;
		user nobody nogroup;
		events {}
		http {
			access_log off;
			client_body_temp_path $folder/a; proxy_temp_path $folder/b; fastcgi_temp_path $folder/c;
			uwsgi_temp_path $folder/d; scgi_temp_path $folder/e;
			server { listen 127.0.0.1:$port; root $WORLD/frigate; }
		}
	CONF
	chmod 755 "$BATS_TEST_TMPDIR"
	serve "$port" nginx -c "$folder/nginx.conf" -e "$folder/error.log"
	path=$(clip nginx)
	curl -sS --fail --interface 127.0.0.7 -o "$BATS_TEST_TMPDIR/got" "http://127.0.0.1:$port/${path#"$WORLD/frigate/"}"
	cmp "$CLIP" "$BATS_TEST_TMPDIR/got"
	seen nginx nginx '.source.ip == "127.0.0.7" and .network.protocol == "http" and .user.name == "nobody"'
}

@test "mmap, open_by_handle_at, io_uring, splice, sendfile, O_PATH opened anew" {
	local way status
	for way in mmap handle splice sendfile reopening; do
		"$WORLD/reader" "$way" "$(clip "$way")"
		seen "$way" reader '.process.executable == env.WORLD + "/reader" and .actor.reliable'
	done
	status=0
	"$WORLD/reader" io_uring "$(clip io_uring)" || status=$?
	[ $status -eq 77 ] || [ $status -eq 0 ]
	[ $status -eq 77 ] || seen io_uring reader '.actor.reliable'
}

@test "processes that are gone at once after their open are all named" {
	"$WORLD/reader" short "$(clip short)" 50
	until_true 10 opened short 'map(.recorder.count) | add == 50'
	opened short 'length == 50 and all(.[]; .process.name == "reader" and .user.name == "root" and .actor.reliable)'
	opened short 'map(.process.pid) | unique | length == 50'
}

@test "a thousand processes at once are all named" {
	"$WORLD/reader" many "$(clip many)" 1000
	until_true 20 opened many '(map(.recorder.count) | add) == 1000'
	opened many 'length == 1000 and all(.[]; .process.name == "reader" and .actor.reliable) and (map(.process.pid) | unique | length == 1000)'
}

@test "a process in a mount namespace of its own" {
	unshare -m cat "$(clip namespace)" >/dev/null
	seen namespace cat '.actor.foreign_namespace and .user.name == "root"'
}

@test "a process in a container's control group: its unit" {
	local top group
	for top in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
		[ -e "$top/cgroup.procs" ] && mkdir -p "$top/retentiontest.slice" 2>/dev/null && break
	done
	group=$top/retentiontest.slice/docker-$$.scope
	mkdir "$group" 2>/dev/null || skip "no control group can be made here"
	bash -c 'echo $$ >"$1/cgroup.procs" && cat "$2"' bash "$group" "$(clip cgroup)" >/dev/null || { rmdir "$group"; skip "no process can be moved here"; }
	rmdir "$group" "$top/retentiontest.slice"
	seen cgroup cat ".actor.unit == \"docker-$$.scope\" and (.actor.cgroup | startswith(\"/retentiontest.slice\"))"
}

@test "through a bind mount" {
	mkdir -p "$BATS_TEST_TMPDIR/elsewhere"
	mount --bind "$WORLD/frigate" "$BATS_TEST_TMPDIR/elsewhere"
	echo "$BATS_TEST_TMPDIR/elsewhere" >>"$BATS_TEST_TMPDIR/mounts"
	local path
	path=$(clip bind)
	cat "$BATS_TEST_TMPDIR/elsewhere/${path#"$WORLD/frigate/"}" >/dev/null
	seen bind cat ".file.path == \"${path#"$WORLD/frigate/"}\""
}

@test "on a terminal: its name" {
	need_program script
	script -qec "cat $(clip terminal)" /dev/null >/dev/null
	seen terminal cat '.actor.tty | startswith("pts/")'
}

# ---- what cannot be seen: the README names each ----

@test "not seen: the disk read below its filesystem" {
	local path device inode
	path=$(clip device)
	device=$(findmnt -no SOURCE "$WORLD/frigate")
	inode=$(stat -c %i "$path")
	sync
	debugfs -R "dump <$inode> $BATS_TEST_TMPDIR/got" "$device" 2>/dev/null
	cmp "$CLIP" "$BATS_TEST_TMPDIR/got"
	unseen device
}

@test "not seen: reading through a descriptor opened before guard began; that it was open is" {
	until_true 5 opened before 'any(.[]; .process.name == "reader" and .user.name == "root")' open-before-watch
	echo >"$WORLD/go"
	until_gone "$(cat "$WORLD/waiting.pid")"
	unseen before
}

@test "not seen: who reads through a descriptor that another program gave; that one is" {
	"$WORLD/reader" passing "$(clip passing)" >/dev/null
	seen passing reader '.user.name == "root"'
	settle
	opened passing 'all(.[]; .process.name == "reader")'
}

@test "not seen: attributes, and O_PATH, which reads nothing" {
	"$WORLD/reader" looking "$(clip looking)"
	stat "$(clip looking)" >/dev/null
	ls -l "$(dirname "$(clip looking)")" >/dev/null
	unseen looking
}
