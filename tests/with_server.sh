#!/usr/bin/env bash
# Starts a server of its own on a free port and runs a command against it, which finds IDENTIVIA_URL, IDENTIVIA_TOKEN (a
# machine token with every scope), IDENTIVIA_CLIENT_ID, IDENTIVIA_CLIENT_SECRET, IDENTIVIA_DATA and IDENTIVIA_OUTPUT (what
# the server prints) in its environment.
#   usage: tests/with_server.sh <identivia binary> <command> [argument ...]
set -euo pipefail

identivia=$(realpath "$1")
shift
folder=$(mktemp -d)
server=

stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT

secret=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
scopes='"profiles:read","profiles:write","health:read","liveness:read","liveness:write","documents:analyze","aws:credentials","settings:read","settings:write","status_history:read","status_history:write","verification_history:read","verification_history:write","files:read","events:read","clients:manage","reviews:read","reviews:decide","audit:read","analytics:read"'
export IDENTIVIA_DATA=${IDENTIVIA_DATA:-$folder/data}
# Where to keep everything and whom to ask, when tests/services.sh says so.
backends=()
for name in DATABASE_URL POCKETBASE_URL PB_USER_EMAIL PB_USER_PASSWORD FILES_URL AWS_ENDPOINT_URL_S3 AWS_ACCESS_KEY_ID \
    AWS_SECRET_ACCESS_KEY AWS_REGION TRUSTED_PROXIES AWS_ENDPOINT_URL_REKOGNITION AWS_ENDPOINT_URL_STS LIVENESS_PROVIDER \
    FACE_LIVENESS_CHALLENGES LIVENESS_STREAM_URL REDIRECT_URLS OPENAI_BASE_URL OPENAI_API_KEY FINGERPRINT_BASE_URL \
    FINGERPRINT_SECRET_KEY; do
    [ -z "${!name:-}" ] || backends+=("$name=${!name}")
done
(
    # An empty folder, so that nobody's .env is read.
    cd "$folder"
    exec env -i PATH="$PATH" PORT="$port" DATA_DIR="$IDENTIVIA_DATA" JWT_TTL_SECONDS=86400 RUST_LOG=warn "${backends[@]}" \
        JWT_CLIENTS_JSON="[{\"client_id\":\"test\",\"client_secret\":\"$secret\",\"scopes\":[$scopes]}]" \
        "$identivia" serve > "$folder/out" 2> "$folder/log"
) &
server=$!

export IDENTIVIA_OUTPUT="$folder/out"
export IDENTIVIA_URL="http://127.0.0.1:$port"
for _ in $(seq 100); do
    curl -sf "$IDENTIVIA_URL/readyz" > /dev/null && break
    sleep 0.1
done
IDENTIVIA_TOKEN=$(curl -sf "$IDENTIVIA_URL/api/auth/token" -H 'Content-Type: application/json' \
    -d "{\"client_id\":\"test\",\"client_secret\":\"$secret\"}" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
export IDENTIVIA_TOKEN
export IDENTIVIA_CLIENT_ID=test IDENTIVIA_CLIENT_SECRET="$secret"

if ! "$@"; then
    echo 'The server said meanwhile:' >&2
    cat "$folder/log" >&2
    exit 1
fi
