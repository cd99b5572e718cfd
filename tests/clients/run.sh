#!/bin/sh
# Runs redis-py, node-redis and ioredis against the server.
#
# Usage: tests/clients/run.sh [SERVER-BINARY]     (default: target/release/evenkeel)
# Installs the clients into a temporary directory, starts the server on a free port, ends it again.
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
server_id=

finish() {
    if [ -n "$server_id" ]; then
        kill "$server_id" 2>/dev/null || true
        wait "$server_id" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

echo "installing redis-py $REDIS_PY_VERSION, node-redis $NODE_REDIS_VERSION, ioredis $IOREDIS_VERSION"
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --disable-pip-version-check "redis==$REDIS_PY_VERSION"
(cd "$work" && npm install --silent --no-fund --no-audit --no-package-lock \
    "redis@$NODE_REDIS_VERSION" "ioredis@$IOREDIS_VERSION")

mkfifo "$work/log"
(cd "$work" && exec "$server" --port 0 --bind 127.0.0.1) 2>"$work/log" &
server_id=$!
# The log ends when the server does, so this loop cannot hang on a server that failed to start.
port=
exec 3<"$work/log"
while [ -z "$port" ] && IFS= read -r line <&3; do
    echo "$line" >&2
    case $line in
        *"listening on tcp 127.0.0.1:"*) port=${line##*127.0.0.1:} ;;
    esac
done
[ -n "$port" ] || { echo "the server did not start" >&2; exit 1; }
cat <&3 >/dev/null &

timeout 120 "$work/python/bin/python" "$here/python_redis.py" 127.0.0.1 "$port"
cp "$here/node.mjs" "$work/node.mjs"
timeout 120 node "$work/node.mjs" 127.0.0.1 "$port"
