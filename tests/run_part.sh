#!/usr/bin/env bash
# Runs one part of `make test`. Each line of its output begins with its name, and the last one says how long it took.
#   usage: tests/run_part.sh <target of the Makefile>
set -euo pipefail

part=${1:?usage: ${0##*/} <target of the Makefile>}
begun=$SECONDS
outcome=passed
"${MAKE:-make}" --no-print-directory "$part" 2>&1 < /dev/null | sed -u "s/^/${part#test-}: /" || outcome=FAILED
took=$((SECONDS - begun))
printf '%s: %s after %d:%02d min\n' "${part#test-}" "$outcome" $((took / 60)) $((took % 60))
[ $outcome = passed ]
