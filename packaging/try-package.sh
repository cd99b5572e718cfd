#!/usr/bin/env bash
# Tries a package on a clean Debian in a folder: installs, runs, upgrades, removes and purges it.
#
#   debootstrap --variant=minbase --include=adduser bookworm FOLDER
#   packaging/try-package.sh FOLDER target/debian/evenkeel_VERSION_ARCHITECTURE.deb
#
# Needs root, and redis-cli on this machine. FOLDER is as before when it succeeds. No systemd runs
# in it, so the server is started as the service's user; with one: try-systemd.sh.
set -euo pipefail
root=$1 package=$2
port=${PORT:-17379}
work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work" "$root/packages"
}
trap finish EXIT

fail() {
    echo "try-package: $*" >&2
    exit 1
}

# Everything but what dpkg itself keeps.
list() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./packages \
        -o -path ./run -o -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache -o -name '*-' \) -prune \
        -o -print | sort)
}

call() {
    redis-cli -p "$port" "$@"
}

start() {
    chroot --userspec=evenkeel:evenkeel "$root" sh -c \
        "cd /var/lib/evenkeel && exec evenkeel /etc/evenkeel/evenkeel.conf --port $port" \
        2>"$work/log" &
    server=$!
    timeout 30 sh -c "until grep -q 'ready to accept' '$work/log'; do sleep 0.1; done" ||
        fail "does not start: $(cat "$work/log")"
}

stop() {
    kill "$server"
    wait "$server" || fail "ends with an error: $(cat "$work/log")"
    server=
}

# The same package with another version.
later() {
    dpkg-deb --raw-extract "$package" "$work/later"
    sed -i 's/^Version: .*/&.1/' "$work/later/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$work/later" "$root/packages/later.deb" >/dev/null
}

list >"$work/before"
mkdir -p "$root/packages"
cp "$package" "$root/packages/first.deb"
later

echo "== install"
chroot "$root" dpkg -i /packages/first.deb
mode=$(chroot "$root" stat -c '%U:%G %a' /etc/evenkeel/evenkeel.conf)
[ "$mode" = "root:evenkeel 640" ] || fail "the configuration is $mode"
start
[ "$(call set k v)" = OK ] || fail "does not serve"
stop

echo "== upgrade: the changed configuration and the keys stay"
echo "timeout 77" >>"$root/etc/evenkeel/evenkeel.conf"
chroot "$root" dpkg -i /packages/later.deb
start
[ "$(call get k)" = v ] || fail "the keys are lost"
[ "$(call config get timeout | tail -n 1)" = 77 ] || fail "the configuration is lost"
stop

echo "== remove: the configuration and the snapshot stay"
chroot "$root" dpkg -r evenkeel
[ -e "$root/etc/evenkeel/evenkeel.conf" ] || fail "the configuration is removed"
[ -e "$root/var/lib/evenkeel/dump.evk" ] || fail "the snapshot is removed"
[ ! -e "$root/usr/bin/evenkeel" ] || fail "the binary stays"

echo "== purge, told to keep the snapshot"
touch "$root/var/lib/evenkeel/keep"
chroot "$root" dpkg -P evenkeel
[ -e "$root/var/lib/evenkeel/dump.evk" ] || fail "the snapshot is removed"

echo "== install again and purge everything"
chroot "$root" dpkg -i /packages/first.deb
start
[ "$(call get k)" = v ] || fail "the kept keys are lost"
stop
rm "$root/var/lib/evenkeel/keep"
chroot "$root" dpkg -P evenkeel
rm -rf "$root/packages"
list >"$work/after"
diff "$work/before" "$work/after" || fail "something stays"
! chroot "$root" getent passwd evenkeel || fail "the user stays"
echo "try-package: all is well"
