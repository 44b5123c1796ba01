#!/usr/bin/env bash
# The running server against its own description: schemathesis makes up requests, good and bad, and every answer must be
# one that /openapi.json announces. First with a machine token, then, for the operations that only a person's link takes,
# with the token of one. Run by tests/with_server.sh.
#   usage: tests/api.sh <schemathesis binary> [argument ...]
set -euo pipefail

here=$(realpath "$(dirname "$0")")
schemathesis=$(realpath -s "$1")
shift
cd "$(mktemp -d)"

# The seed is fixed, so that a failure here is a failure everywhere.
run_schemathesis() {
    local config=$1 token=$2
    shift 2
    PYTHONPATH="$here" SCHEMATHESIS_HOOKS=schemathesis_hooks "$schemathesis" --config-file "$here/$config" \
        run "$IDENTIVIA_URL/openapi.json" --header "Authorization: Bearer $token" \
        --seed "${API_SEED:-1}" --max-examples "${API_EXAMPLES:-40}" --workers 1 --request-timeout 20 \
        --generation-database none --no-color "$@"
}

# Posts JSON and prints a field of the answer.
post_json() {
    local token=$1 path=$2 body=$3 field=$4
    curl --silent --show-error --fail --header "Authorization: Bearer $token" --json "$body" "$IDENTIVIA_URL$path" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$field"
}

run_schemathesis schemathesis.toml "$IDENTIVIA_TOKEN" "$@"

person='{"userID": "schemathesis"}'
FLOW_PROFILE=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "$person" id)
link=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "$person" flow_token)
FLOW_SESSION=$(post_json "$link" /api/face-liveness/session '{}' sessionId)
export FLOW_PROFILE FLOW_SESSION
run_schemathesis schemathesis_flow.toml "$link" --include-path-regex '^/api/flow/\{id\}|/frames$' "$@"
