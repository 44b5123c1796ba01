#!/usr/bin/env bash
# Runs tests/api.sh on every store: with many examples on SQLite, and meanwhile, one after the other, with few on the others. A run
# sends one request at a time, so two of them fit beside each other on two processors. Each has its own server and services.
#   usage: tests/api_on_stores.sh <identivia binary> <schemathesis binary>
set -uo pipefail

identivia=$(realpath "$1")
schemathesis=$(realpath -s "$2")
cd "$(dirname "$0")"

# Each line of a run begins with its name.
run() {
    local name=$1
    shift
    if ! "$@" 2>&1 | sed -u "s/^/$name: /"; then
        echo "$name: FAILED"
        return 1
    fi
}

on_other_stores() {
    local failed=0
    export API_EXAMPLES=${API_EXAMPLES:-15}
    run postgres ./services.sh postgres ./services.sh s3 ./with_server.sh "$identivia" ./api.sh "$schemathesis" || failed=1
    run pocketbase ./services.sh pocketbase ./with_pocketbase.sh "$identivia" \
        ./with_server.sh "$identivia" ./api.sh "$schemathesis" || failed=1
    run providers ./services.sh providers ./with_server.sh "$identivia" ./api.sh "$schemathesis" || failed=1
    return $failed
}

failed=0
on_other_stores &
run sqlite ./with_server.sh "$identivia" ./api.sh "$schemathesis" || failed=1
wait $! || failed=1
exit $failed
