#!/usr/bin/env bash
# The running server against its own description: schemathesis makes up requests, good and bad, and every answer must be
# one that /openapi.json announces. Run by tests/with_server.sh.
#   usage: tests/api.sh <schemathesis binary> [argument ...]
set -euo pipefail

here=$(realpath "$(dirname "$0")")
schemathesis=$(realpath -s "$1")
# The seed is fixed, so that a failure here is a failure everywhere.
cd "$(mktemp -d)"
PYTHONPATH="$here" SCHEMATHESIS_HOOKS=schemathesis_hooks "$schemathesis" --config-file "$here/schemathesis.toml" \
    run "$IDENTIVIA_URL/openapi.json" --header "Authorization: Bearer $IDENTIVIA_TOKEN" \
    --seed "${API_SEED:-1}" --max-examples "${API_EXAMPLES:-40}" --workers 1 --request-timeout 20 \
    --generation-database none --no-color "${@:2}"
