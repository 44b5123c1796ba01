#!/usr/bin/env bash
# The running server against its own description: schemathesis makes up requests, good and bad, and every answer must be
# one that /openapi.json announces. First with a machine token, then, for the operations that only a person's link takes,
# with the token of one, then with the session of a super admin at the console. Run by tests/with_server.sh.
#   usage: tests/api.sh <schemathesis binary> [argument ...]
set -euo pipefail

here=$(realpath "$(dirname "$0")")
schemathesis=$(realpath -s "$1")
shift
cd "$(mktemp -d)"

# The seed is fixed, so that a failure here is a failure everywhere.
run_schemathesis() {
    local config=$1 authorization=$2
    shift 2
    PYTHONPATH="$here" SCHEMATHESIS_HOOKS=schemathesis_hooks "$schemathesis" --config-file "$here/$config" \
        run "$IDENTIVIA_URL/openapi.json" --header "$authorization" \
        --seed "${API_SEED:-1}" --max-examples "${API_EXAMPLES:-40}" --workers 1 --request-timeout 20 \
        --generation-database none --no-color "$@"
}

# Posts JSON and prints a field of the answer.
post_json() {
    local token=$1 path=$2 body=$3 field=$4
    curl --silent --show-error --fail --header "Authorization: Bearer $token" --json "$body" "$IDENTIVIA_URL$path" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$field"
}

# The link for the first user of the console, which the server has printed at its start.
console_link() {
    grep -o 'http[^ ]*/console/[a-z]*#token=[A-Za-z0-9_-]*' "$IDENTIVIA_OUTPUT" | tail -n 1
}

# Operations that end the session of the run or begin another one, and those that answer browsers with pages.
ENDS_SESSION='^/api/console/(logout$|login|setup$|invitation|oidc/|me/(password|sessions/))'

run_schemathesis schemathesis.toml "Authorization: Bearer $IDENTIVIA_TOKEN" "$@"

person='{"userID": "schemathesis"}'
FLOW_PROFILE=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "$person" id)
link=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "$person" flow_token)
FLOW_SESSION=$(post_json "$link" /api/face-liveness/session '{}' sessionId)
export FLOW_PROFILE FLOW_SESSION
run_schemathesis schemathesis_flow.toml "Authorization: Bearer $link" --include-path-regex '^/api/flow/\{id\}|/frames$' "$@"

# What people at the console may call. The second factor counts for five minutes, so the examples are few. Each request stands
# alone: one after the other could end the session.
CONSOLE_COOKIE=$(python3 "$here/console_session.py" "$IDENTIVIA_URL" "$(console_link)")
export CONSOLE_COOKIE
API_EXAMPLES=${CONSOLE_EXAMPLES:-6} run_schemathesis schemathesis_console.toml "Cookie: $CONSOLE_COOKIE" \
    --header "X-Identivia-Console: 1" --header "Sec-Fetch-Site: same-origin" \
    --phases examples,coverage,fuzzing --include-path-regex '^/api/(console|reviews|webhooks)' \
    --exclude-path-regex "$ENDS_SESSION" "$@"
