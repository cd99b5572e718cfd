#!/usr/bin/env bash
# Tries the service under a real systemd: starts one as the first process of namespaces of its own,
# in a folder with a clean Debian, installs the package there and does to it what happens to
# services.
#
#   debootstrap --variant=minbase --include=adduser,systemd bookworm FOLDER
#   packaging/try-systemd.sh FOLDER target/debian/evenkeel_VERSION_ARCHITECTURE.deb
#
# Needs root, unshare, nsenter, pgrep, a mounted cgroup2 hierarchy and redis-cli; where no systemd can
# be started it says so and ends with 77. Network, processes and mounts are those of the namespaces;
# /proc/sys and /sys are read-only in them.
set -euo pipefail
root=$(realpath "$1")
package=$(realpath "$2")

fail() {
    echo "try-systemd: $*" >&2
    inside journalctl -u evenkeel --no-pager -o cat | tail -n 30 >&2 || true
    exit 1
}

cannot() {
    echo "try-systemd: not tried: $*" >&2
    exit 77
}

# The first process of the new namespaces.
boot() {
    mount --bind "$root" "$root"
    cd "$root"
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,ro,bind proc/sys
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs tmpfs tmp
    mount -t tmpfs -o mode=755 tmpfs dev
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    for device in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
        mknod -m 666 "dev/${device% *}" c 1 "${device#* }"
    done
    pivot_root . mnt
    umount -l /mnt
    exec chroot . /usr/bin/env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=multi-user.target --show-status=0
}

if [ "${3:-}" = boot ]; then
    boot
fi

hierarchy=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
group=$hierarchy/try-systemd-$$
[ -n "$hierarchy" ] && mkdir "$group" 2>/dev/null || cannot "no cgroup2 hierarchy to write to"
# The group is entered before the namespaces are made, so it is the root of what systemd sees.
bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec unshare --mount --pid --fork --uts --ipc --net \
    --cgroup --propagation private bash "$@"' bash "$group" "$0" "$root" "$package" boot \
    </dev/null &
outer=$!
init=
finish() {
    # The end of the first process is the end of them all.
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
    wait "$outer" 2>/dev/null || true
    find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    rm -rf "$root/packages"
}
trap finish EXIT

inside() {
    nsenter -t "$init" -a /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

call() {
    nsenter -t "$init" -n redis-cli "$@"
}

property() {
    inside systemctl show -p "$1" --value evenkeel.service
}

# Tries a command until it succeeds, for half a minute.
comes_true() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

until_true() {
    comes_true "$@" || fail "in vain: $*"
}

expect() {
    local expected=$1
    shift
    local found
    found=$("$@" | tail -n 1)
    [ "$found" = "$expected" ] || fail "$*: $found instead of $expected"
}

# Whether another process than this one serves.
is_new() {
    [ "$(property MainPID)" != "$1" ] && [ "$(property ActiveState)" = active ] && [ "$(call ping)" = PONG ]
}

# Systemd is the child of the namespaces' maker; without it that has ended.
is_gone_or_parent() {
    ! kill -0 "$outer" || pgrep -P "$outer"
}
comes_true is_gone_or_parent || cannot "no new namespaces"
init=$(pgrep -P "$outer") || cannot "no new namespaces"
comes_true inside systemctl is-system-running || cannot "systemd does not come up in them"
mkdir -p "$root/packages"
cp "$package" "$root/packages/evenkeel.deb"

echo "== install: started and ready"
inside dpkg -i /packages/evenkeel.deb
expect active inside systemctl is-active evenkeel
expect PONG call ping
inside systemd-analyze security evenkeel --no-pager | tail -n 1
exposure=$(inside systemd-analyze security evenkeel --no-pager | sed -n 's/.*: \([0-9.]*\) .*/\1/p' | tail -n 1)
[ "${exposure%.*}" -lt 2 ] || fail "exposure $exposure"

echo "== kill -9: started again with the last snapshot"
expect OK call set k v
expect OK call save
before=$(property MainPID)
inside systemctl kill --signal=KILL evenkeel
until_true is_new "$before"
expect v call get k

echo "== reload"
inside sed -i 's/^timeout .*/timeout 55/' /etc/evenkeel/evenkeel.conf
inside systemctl reload evenkeel
until_true sh -c "nsenter -t $init -n redis-cli config get timeout | grep -q 55"
until_true sh -c "nsenter -t $init -a systemctl is-active evenkeel | grep -qx active"

echo "== watchdog: a loop that hangs is started again"
inside mkdir -p /run/systemd/system/evenkeel.service.d
inside sh -c 'printf "[Service]\nWatchdogSec=2s\n" >/run/systemd/system/evenkeel.service.d/try.conf'
inside sh -c 'echo enable-debug-command local >>/etc/evenkeel/evenkeel.conf'
inside systemctl daemon-reload
inside systemctl restart evenkeel
before=$(property MainPID)
# The client is gone when the server is ended, so that it does not ask again.
timeout 1 nsenter -t "$init" -n redis-cli debug sleep 60 >/dev/null 2>&1 || true
until_true is_new "$before"
inside journalctl -u evenkeel --no-pager -o cat | grep -q 'Watchdog timeout' || fail "no watchdog"
expect v call get k

echo "== stop: with a last snapshot; start"
expect OK call set k last
inside systemctl stop evenkeel
expect success property Result
inside systemctl start evenkeel
expect last call get k

echo "== instances: each has a port, a folder, memory and a core of its own, and they don't end each other"
cores=$(inside nproc)
for port in 7001 7002; do
    inside mkdir -p "/run/systemd/system/evenkeel@$port.service.d"
    printf '[Service]\nMemoryMax=%sM\nCPUAffinity=%s\n' $((port - 6600)) $(((port - 7001) % cores)) \
        >"$root/packages/core.conf"
    inside cp /packages/core.conf "/run/systemd/system/evenkeel@$port.service.d/core.conf"
done
inside sh -c 'echo EVENKEEL_TIMEOUT=66 >/etc/evenkeel/7002.env'
inside systemctl daemon-reload
inside systemctl enable --now evenkeel@7001 evenkeel@7002
for port in 7001 7002; do
    expect OK call -p "$port" set port "$port"
    expect "/var/lib/evenkeel/$port" call -p "$port" config get dir
    process=$(inside systemctl show -p MainPID --value "evenkeel@$port")
    expect "$(((port - 7001) % cores))" inside sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$process/status"
done
expect 55 call -p 7001 config get timeout
expect 66 call -p 7002 config get timeout
inside systemctl stop evenkeel@7001
expect 7002 call -p 7002 get port
expect last call get k
inside systemctl start evenkeel@7001
expect 7001 call -p 7001 get port
inside dpkg -i /packages/evenkeel.deb
expect 7001 call -p 7001 get port
expect 7002 call -p 7002 get port

echo "== sockets from systemd: the first client starts the service, restarts refuse nobody"
inside systemctl stop evenkeel
inside systemctl enable --now evenkeel.socket
expect inactive sh -c "nsenter -t $init -a systemctl is-active evenkeel || true"
expect last call get k
expect active inside systemctl is-active evenkeel
inside systemctl restart evenkeel
inside test -S /run/evenkeel.sock || fail "the unix socket is gone"

echo "== purge"
# What an operator put beside the configuration would stay.
inside rm /etc/evenkeel/7002.env
inside dpkg -P evenkeel
[ ! -e "$root/var/lib/evenkeel" ] && [ ! -e "$root/etc/evenkeel" ] || fail "something stays"
[ ! -L "$root/etc/systemd/system/sockets.target.wants/evenkeel.socket" ] || fail "a link stays"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/evenkeel@7001.service" ] || fail "an instance stays enabled"
# systemd made it for the link.
rmdir --ignore-fail-on-non-empty "$root/etc/systemd/system/sockets.target.wants"
echo "try-systemd: all is well"
