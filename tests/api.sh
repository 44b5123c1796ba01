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
export SUCCEEDED_OPERATIONS=$PWD/succeeded

# The seed is fixed, so that a failure here is a failure everywhere. The header is sent with each request.
run_schemathesis() {
    local config=$1 header=$2
    shift 2
    PYTHONPATH="$here" SCHEMATHESIS_HOOKS=schemathesis_hooks "$schemathesis" --config-file "$here/$config" \
        run "$IDENTIVIA_URL/openapi.json" --header "$header" \
        --seed "${API_SEED:-1}" --max-examples "${API_EXAMPLES:-40}" --workers 1 --request-timeout 20 \
        --generation-database none --no-color "$@"
}

# Fails unless the last run has had a success of that operation: refusals alone show little.
require_success() {
    grep -qxF "$1" "$SUCCEEDED_OPERATIONS" || { echo "$1 has answered no request with success." >&2; exit 1; }
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

# Prints the id of a new verification record, which has no review.
make_record() {
    local profile
    profile=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "{\"userID\": \"reviewed-$1\"}" id)
    curl --silent --show-error --fail --header "Authorization: Bearer $IDENTIVIA_TOKEN" \
        --form liveness_session_id=elsewhere --form liveness_confidence=95 --form liveness_status=live \
        --form document_type=passport --form "document_front=@$here/data/passport.jpg" \
        --form "facial_photo=@$here/data/portrait.jpg" "$IDENTIVIA_URL/api/verification_history/$profile" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["id"])'
}

REVIEWABLE_RECORDS=
for number in 1 2 3; do
    record=$(make_record "$number")
    REVIEWABLE_RECORDS+=" $record"
done
export REVIEWABLE_RECORDS
run_schemathesis schemathesis.toml "Authorization: Bearer $IDENTIVIA_TOKEN" "$@"
unset REVIEWABLE_RECORDS
require_success 'POST /api/reviews'

person='{"userID": "schemathesis"}'
FLOW_PROFILE=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "$person" id)
link=$(post_json "$IDENTIVIA_TOKEN" /api/profiles/create "$person" flow_token)
FLOW_SESSION=$(post_json "$link" /api/face-liveness/session '{}' sessionId)
export FLOW_PROFILE FLOW_SESSION
run_schemathesis schemathesis_flow.toml "Authorization: Bearer $link" --include-path-regex '^/api/flow/\{id\}|/frames$' "$@"

# What people at the console may call. The second factor counts for five minutes, so the examples are few. Each request stands
# alone: one after the other could end the session.
console=$(python3 "$here/console_session.py" "$IDENTIVIA_URL" "$(console_link)")
{ read -r CONSOLE_COOKIE; CONSOLE_RECOVERY_CODES=$(cat); } <<< "$console"
export CONSOLE_COOKIE CONSOLE_RECOVERY_CODES
API_EXAMPLES=${CONSOLE_EXAMPLES:-6} run_schemathesis schemathesis_console.toml "X-Identivia-Console: 1" \
    --header "Sec-Fetch-Site: same-origin" \
    --phases examples,coverage,fuzzing --include-path-regex '^/api/(console|reviews|webhooks)' \
    --exclude-path-regex "$ENDS_SESSION" --exclude-name 'POST /api/reviews' "$@"
require_success 'POST /api/console/step_up'
