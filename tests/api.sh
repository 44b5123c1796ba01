#!/usr/bin/env bash
# The running server against its own description: schemathesis makes up requests, good and bad, and every answer must be
# one that /openapi.json announces.
#   usage: tests/api.sh <identivia binary> <schemathesis binary>
set -euo pipefail

identivia=$(realpath "$1")
schemathesis=$(realpath -s "$2")
here=$(realpath "$(dirname "$0")")
folder=$(mktemp -d)
server=

stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT

cd "$folder"
secret=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
scopes='"profiles:read","profiles:write","health:read","liveness:read","liveness:write","documents:analyze","aws:credentials","settings:read","settings:write","status_history:read","status_history:write","verification_history:read","verification_history:write","files:read"'
env -i PATH="$PATH" PORT="$port" DATA_DIR="$folder/data" JWT_TTL_SECONDS=86400 RUST_LOG=warn \
    JWT_CLIENTS_JSON="[{\"client_id\":\"api\",\"client_secret\":\"$secret\",\"scopes\":[$scopes]}]" \
    "$identivia" serve 2> "$folder/log" &
server=$!

url="http://127.0.0.1:$port"
for _ in $(seq 100); do
    curl -sf "$url/readyz" > /dev/null && break
    sleep 0.1
done
token=$(curl -sf "$url/api/auth/token" -H 'Content-Type: application/json' \
    -d "{\"client_id\":\"api\",\"client_secret\":\"$secret\"}" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

# The key is fixed, so that a failure here is a failure everywhere.
if ! PYTHONPATH="$here" SCHEMATHESIS_HOOKS=schemathesis_hooks "$schemathesis" --config-file "$here/schemathesis.toml" run "$url/openapi.json" --header "Authorization: Bearer $token" \
    --seed "${API_SEED:-1}" --max-examples "${API_EXAMPLES:-40}" --workers 1 --request-timeout 20 \
    --generation-database none --no-color "${@:3}"; then
    echo 'The server said meanwhile:' >&2
    cat "$folder/log" >&2
    exit 1
fi
