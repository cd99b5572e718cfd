#!/usr/bin/env bash
# Tries the static binary as packaging/Containerfile has it: alone in an empty folder, as a user that
# exists nowhere, with a snapshot in /data. Needs root for chroot; needs no container daemon.
#
#   packaging/try-image.sh [BINARY]        builds one if none is given
set -euo pipefail
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
binary=${1:-target/$host/release/evenkeel}
if [ $# -eq 0 ]; then
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$host"
fi
root=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$root"
}
trap finish EXIT

fail() {
    echo "try-image: $*" >&2
    exit 1
}

port=${PORT:-27379}
chmod 755 "$root"
install -s -m 755 "$binary" "$root/evenkeel"
install -d -m 1777 "$root/data"
export EVENKEEL_PORT=$port EVENKEEL_DIR=/data EVENKEEL_REQUIREPASS="two words"
run() {
    chroot --userspec=12345:12345 "$root" /evenkeel "$@"
}

start() {
    # Not by `run`: the signal is for the server, not for a shell around it.
    chroot --userspec=12345:12345 "$root" /evenkeel >"$root/data/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        if run ping >/dev/null 2>&1; then return; fi
        kill -0 "$server" 2>/dev/null || fail "it ends: $(cat "$root/data/log")"
        sleep 0.1
    done
    fail "it does not serve: $(cat "$root/data/log")"
}

stop() {
    kill -TERM "$server"
    wait "$server" || fail "it ends with an error: $(cat "$root/data/log")"
    server=
}

# One request in plain text, after the password.
ask() {
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'AUTH "two words"\r\n%s\r\nQUIT\r\n' "$1" >&3
    timeout 10 cat <&3 | tr -d '\r'
    exec 3>&-
}

start
ask "SET k kept" | grep -qx '+OK' || fail "SET fails"
stop
[ -s "$root/data/dump.evk" ] || fail "no snapshot"
[ "$(stat -c %u "$root/data/dump.evk")" = 12345 ] || fail "another user"
! run ping 2>/dev/null || fail "ping finds a server that is gone"
start
ask "GET k" | grep -qx kept || fail "the key is lost"
stop
echo "try-image: all is well; the binary has $(stat -c %s "$root/evenkeel") bytes"
