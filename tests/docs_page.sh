#!/usr/bin/env bash
# Opens /docs of a running server in a headless Chromium and checks that the operations are really drawn.
#
#     tests/docs_page.sh http://127.0.0.1:8000
#
# Needs Chromium, bash, coreutils, grep and sed. A blocked or failing script fails the check too: the page must work
# under its own Content-Security-Policy.
set -euo pipefail

if [[ $# -ne 1 ]]; then
  echo "usage: ${0##*/} <base URL of a running server>" >&2
  exit 2
fi
page=${1%/}/docs

fail() {
  echo "docs page: $*" >&2
  exit 1
}

for name in chromium chromium-browser google-chrome; do
  browser=$(command -v "$name") && break
done
[[ -n $browser ]] || fail "there is no Chromium to look with; nothing was checked"

work=$(mktemp -d "${TMPDIR:-/tmp}/identivia-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT

# --no-sandbox: Chromium refuses to start as root without it, and the only page it opens is ours.
timeout 90 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync --no-proxy-server \
  --user-data-dir="$work/profile" --enable-logging=stderr --virtual-time-budget=15000 \
  --dump-dom "$page" >"$work/dom" 2>"$work/log" || fail "Chromium failed or took over 90 s on $page"

# A console line of level INFO may be anything; these words are a script or a style that did not work.
if problem=$(grep -m1 -E 'CONSOLE.*(Content Security Policy|Uncaught|Failed to load)' "$work/log"); then
  fail "the browser's console says: ${problem#*CONSOLE}"
fi

# One line an operation, from its heading on: method, path and summary.
tr -d '\n' <"$work/dom" | sed 's/<div class="opblock opblock-/\n&/g' |
  grep '^<div class="opblock opblock-' >"$work/operations" || fail "$page shows no operation at all"

for path in /api/auth/token /api/profiles/create; do
  grep -qE "data-path=\"$path\".*class=\"opblock-summary-description\">[^<]*[^<[:space:]]" "$work/operations" ||
    fail "$page does not show $path with its summary"
done

echo "docs page: rendered $(wc -l <"$work/operations") operations"
