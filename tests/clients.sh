#!/usr/bin/env bash
# The description of a running server as makers of clients read it: two linters find nothing, the reference's own requests fit,
# and three generators make clients that compile and do one verification each. Run by tests/with_server.sh. What is generated
# and installed is in target/clients.
#   usage: tests/clients.sh <python with jsonschema>
set -euo pipefail

here=$(realpath "$(dirname "$0")")
python=$(realpath -s "$1")
work=$here/../target/clients
mkdir -p "$work/programs" "$work/generated/openapi-fetch"
work=$(realpath "$work")
export IDENTIVIA_PICTURES=$here/data REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

# Installs what a list names, if the list has changed. The marker is written last.
install_if_changed() {
    local list=$1 marker=$2
    shift 2
    cmp --silent "$list" "$marker" && return
    rm -f "$marker"
    "$@"
    cp "$list" "$marker"
}

install_python_packages() {
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet --require-hashes -r "$here/requirements-clients.txt"
}

cp "$here"/clients/{package.json,package-lock.json,tsconfig.json,generate_types.mjs} "$work"
rm -rf "$work/built" "$work/programs" "$work/identivia_client"
cp -r "$here/clients/programs" "$work"
cd "$work"
install_if_changed package-lock.json installed-npm npm ci --no-audit --no-fund --ignore-scripts
install_if_changed "$here/requirements-clients.txt" installed-pip install_python_packages

curl --silent --show-error --fail "$IDENTIVIA_URL/openapi.json" > openapi.json
"$python" "$here/clients/check_examples.py" openapi.json
npx redocly lint --config "$here/clients/redocly.yaml" --format=stylish --max-problems=20 openapi.json
npx spectral lint --ruleset "$here/clients/spectral.yaml" --fail-severity=warn openapi.json

node generate_types.mjs openapi.json generated/openapi-fetch/schema.ts
npx openapi-ts --input openapi.json --output generated/hey-api --no-log-file --silent
npx tsc
python/bin/openapi-python-client generate --path openapi.json --config "$here/clients/python_client.yaml" \
    --meta none --output-path identivia_client --fail-on-warning

node built/programs/openapi_fetch.js
node built/programs/hey_api.js
PYTHONPATH=. python/bin/python programs/python_client.py
