#!/bin/sh
# Installs the Debian packages that are missing, and says what it does. Nothing where all are there.
set -eu
missing=
for package in "$@"; do
	status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
	case $status in ii*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	echo "these packages are missing; as root run: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq

# Tests start servers of their own on loopback: those that come with the packages must not begin to serve this machine.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
	made=$policy
fi
trap '[ -z "$made" ] || $as_root rm -f "$made"' EXIT
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
for package in $missing; do
	case $package in
	samba) services="smbd nmbd samba-ad-dc" ;;
	openssh-server) services=ssh ;;
	nginx-light) services=nginx ;;
	motion) services=motion ;;
	*) continue ;;
	esac
	# shellcheck disable=SC2086
	$as_root systemctl -q disable $services >/dev/null 2>&1 || true
done
