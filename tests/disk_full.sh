#!/usr/bin/env bash
# A full disk answers 507, keeps nothing half, goes on reading, and heals by itself. Needs root, to mount a small disk.
#   usage: tests/disk_full.sh <identivia binary>
set -euo pipefail

if [ "${1:-}" = inside ]; then
    say() { printf '%s\n' "$*"; }
    ask() { curl -s -o "$IDENTIVIA_DATA.answer" -w '%{http_code}' -H "Authorization: Bearer $IDENTIVIA_TOKEN" "$@"; }
    expect() {
        local wanted=$1 what=$2 got
        shift 2
        got=$(ask "$@")
        [ "$got" = "$wanted" ] || { say "$what: expected $wanted, got $got: $(cat "$IDENTIVIA_DATA.answer")"; exit 1; }
        say "ok: $what: $got"
    }
    stored() { find "$IDENTIVIA_DATA/files" -type f | wc -l; }
    api=$IDENTIVIA_URL/api/profiles
    expect 201 'a profile before' "$api/create" --json '{"userID":"full"}'
    id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' "$IDENTIVIA_DATA.answer")
    video=$(mktemp)
    trap 'rm -f "$video"' EXIT
    printf '\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67' > "$video"
    head -c 8000000 /dev/zero >> "$video"
    expect 200 'an upload while there is room' -X PATCH "$api/$id" -F "facial_video=@$video"
    head -c 100000000 /dev/zero > "$IDENTIVIA_DATA/filler" 2> /dev/null || true
    expect 507 'an upload on a full disk' -X PATCH "$api/$id" -F "facial_video=@$video"
    expect 200 'reading meanwhile' "$api/$id"
    for _ in $(seq 50); do [ "$(stored)" = 1 ] && break; sleep 0.1; done
    [ "$(stored)" = 1 ] || { say "files that no record names: $(find "$IDENTIVIA_DATA/files" -type f)"; exit 1; }
    say 'ok: nothing half is kept'
    rm "$IDENTIVIA_DATA/filler"
    expect 200 'an upload once there is room again' -X PATCH "$api/$id" -F "facial_video=@$video"
    expect 200 'readiness' "$IDENTIVIA_URL/readyz"
    exit 0
fi

if [ "$(id -u)" != 0 ]; then
    echo 'disk_full: SKIPPED, it needs root to mount a small disk'
    exit 0
fi
disk=$(mktemp -d)
trap 'umount "$disk" 2>/dev/null || true; rmdir "$disk" 2>/dev/null || true' EXIT
if ! mount -t tmpfs -o size=24m tmpfs "$disk"; then
    echo 'disk_full: SKIPPED, a small disk cannot be mounted here'
    exit 0
fi
mkdir -m 700 "$disk/data"
IDENTIVIA_DATA=$disk/data "$(dirname "$0")/with_server.sh" "$1" "$0" inside
echo 'disk_full: passed'
