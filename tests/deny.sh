#!/usr/bin/env bash
# Checks the dependencies by deny.toml. Known faults are checked too, where their database can be reached.
#   usage: tests/deny.sh <cargo-deny>
set -euo pipefail

deny=$1
"$deny" --locked check --hide-inclusion-graph bans licenses sources
if timeout 120 "$deny" --locked fetch db > /dev/null 2>&1; then
    "$deny" --locked check --disable-fetch --hide-inclusion-graph advisories
else
    echo "NOT CHECKED: known faults of dependencies. https://github.com/rustsec/advisory-db cannot be reached from here." >&2
fi
