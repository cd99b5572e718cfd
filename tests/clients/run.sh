#!/bin/sh
# Runs redis-py, node-redis and ioredis against the server, without and with a password.
#
# Usage: tests/clients/run.sh [SERVER-BINARY]     (default: target/release/evenkeel)
# Installs the clients into a temporary directory, starts servers on free ports, ends them again.
# Needs python3, node 20 or newer, npm, and access to the package registries.
set -eu

REDIS_PY_VERSION=8.1.0
NODE_REDIS_VERSION=6.3.1
IOREDIS_VERSION=6.0.0

here=$(cd "$(dirname "$0")" && pwd)
server=${1:-$here/../../target/release/evenkeel}
[ -x "$server" ] || { echo "no server binary: $server" >&2; exit 1; }
server=$(cd "$(dirname "$server")" && pwd)/$(basename "$server")
work=$(mktemp -d)
server_ids=

finish() {
    for server_id in $server_ids; do
        kill "$server_id" 2>/dev/null || true
        wait "$server_id" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

echo "installing redis-py $REDIS_PY_VERSION, node-redis $NODE_REDIS_VERSION, ioredis $IOREDIS_VERSION"
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --disable-pip-version-check "redis==$REDIS_PY_VERSION"
(cd "$work" && npm install --silent --no-fund --no-audit --no-package-lock \
    "redis@$NODE_REDIS_VERSION" "ioredis@$IOREDIS_VERSION")

# Starts a server in a folder of this name with the arguments behind it; leaves its port in $port.
start_server() {
    mkdir "$work/$1"
    mkfifo "$work/$1/log"
    (cd "$work/$1" && shift && exec "$server" --port 0 --bind 127.0.0.1 "$@") 2>"$work/$1/log" &
    server_ids="$server_ids $!"
    # The log ends when the server does, so this loop cannot hang on a server that failed to start.
    port=
    exec 3<"$work/$1/log"
    while [ -z "$port" ] && IFS= read -r line <&3; do
        echo "$line" >&2
        case $line in
            *"listening on tcp 127.0.0.1:"*) port=${line##*127.0.0.1:} ;;
        esac
    done
    [ -n "$port" ] || { echo "the server did not start" >&2; exit 1; }
    cat <&3 >/dev/null &
}

password="a long password: 'quoted' and @/:% signs"
start_server open
open_port=$port
start_server guarded --requirepass "$password"
guarded_port=$port

timeout 120 "$work/python/bin/python" "$here/python_redis.py" \
    127.0.0.1 "$open_port" "$guarded_port" "$password"
cp "$here/node.mjs" "$work/node.mjs"
timeout 120 node "$work/node.mjs" 127.0.0.1 "$open_port" "$guarded_port" "$password"
