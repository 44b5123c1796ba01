#!/usr/bin/env bash
# Runs the parts of `make test` one after the other. Each line of output begins with its part, and a part's last line says
# how long it took. At the end stands what failed: of a long run often only the last lines are kept.
#   usage: tests/run_parts.sh <target of the Makefile> ...
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: ${0##*/} <target of the Makefile> ..." >&2; exit 2; }
outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
failed=()

# Runs one part and keeps its output.
run_part() {
    local part=$1 begun=$SECONDS outcome=passed took
    "${MAKE:-make}" --no-print-directory "$part" 2>&1 < /dev/null | sed -u "s/^/${part#test-}: /" | tee "$outputs/$part" || outcome=FAILED
    took=$((SECONDS - begun))
    printf '%s: %s after %d:%02d min\n' "${part#test-}" "$outcome" $((took / 60)) $((took % 60))
    [ $outcome = passed ] || failed+=("$part")
}

# Prints the lines of a part that name a failed test or an error, and its last lines.
show_failure() {
    echo "== ${1#test-} FAILED. Lines that name a failure, then the last ones:"
    grep -aE '\bFAILED\b|\bFAIL\b|panicked at|^[a-z]+: +(✘|[0-9]+ (failed|flaky)$|\[[a-z]+\] › )|\b[Ee]rror\b' "$outputs/$1" | tail -n 15 || true
    echo '--'
    tail -n 5 "$outputs/$1"
}

for part in "$@"; do
    run_part "$part"
done
[ ${#failed[@]} = 0 ] && { echo 'All tests passed.'; exit; }
for part in "${failed[@]}"; do
    show_failure "$part" >&2
done
echo "Failed: ${failed[*]#test-}. Run one alone with \`make ${failed[0]}\`." >&2
exit 1
