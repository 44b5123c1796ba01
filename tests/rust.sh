#!/usr/bin/env bash
# Runs the tests in Rust. Those of the server wait most of the time, those of the engines only compute: so the engines' run
# beside the server's, in the time that these leave.
set -euo pipefail

cd "$(dirname "$0")/.."
cargo test --workspace --locked --no-run

engines=()
for file in crates/vision/tests/*.rs; do
    engines+=(--test "$(basename "$file" .rs)")
done
# A process of its own, so that `wait` tells how the tests ended and not how `sed` did.
(nice -n 19 cargo test --workspace --locked --no-fail-fast --lib "${engines[@]}" 2>&1 | sed -u 's/^/engines: /') &
failed=0
cargo test --workspace --locked --no-fail-fast --test it || failed=1
wait $! || failed=1
exit $failed
