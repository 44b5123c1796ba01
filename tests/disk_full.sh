#!/usr/bin/env bash
# A full disk answers 507, keeps nothing half, goes on reading, and heals by itself; PocketBase's answers 503, as it tells
# no reason. Needs root, to mount a small disk.
#   usage: tests/disk_full.sh <identivia binary>
set -euo pipefail
here=$(realpath "$(dirname "$0")")

say() { printf '%s\n' "$*"; }
ask() { curl -s -D "$IDENTIVIA_DATA.head" -o "$IDENTIVIA_DATA.answer" -w '%{http_code}' -H "Authorization: Bearer $IDENTIVIA_TOKEN" "$@"; }
expect() {
    local wanted=$1 what=$2 got
    shift 2
    got=$(ask "$@")
    [ "$got" = "$wanted" ] || { say "$what: expected $wanted, got $got: $(cat "$IDENTIVIA_DATA.answer")"; exit 1; }
    say "ok: $what: $got"
}
make_profile() {
    expect 201 'a profile before' "$api/create" --json '{"userID":"full"}'
    id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' "$IDENTIVIA_DATA.answer")
    video=$(mktemp)
    trap 'rm -f "$video"' EXIT
    printf '\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67' > "$video"
    head -c 8000000 /dev/zero >> "$video"
}
await_files() {
    for _ in $(seq 50); do [ "$(find "$1" -type f ! -name '*.attrs' ! -name store-marker | wc -l)" = 1 ] && return; sleep 0.1; done
    say "files that no record names: $(find "$1" -type f)"
    exit 1
}

if [ "${1:-}" = inside ]; then
    api=$IDENTIVIA_URL/api/profiles
    make_profile
    expect 200 'an upload while there is room' -X PATCH "$api/$id" -F "facial_video=@$video"
    head -c 100000000 /dev/zero > "$IDENTIVIA_DATA/filler" 2> /dev/null || true
    expect 507 'an upload on a full disk' -X PATCH "$api/$id" -F "facial_video=@$video"
    expect 200 'reading meanwhile' "$api/$id"
    await_files "$IDENTIVIA_DATA/files"
    say 'ok: nothing half is kept'
    rm "$IDENTIVIA_DATA/filler"
    expect 200 'an upload once there is room again' -X PATCH "$api/$id" -F "facial_video=@$video"
    expect 200 'readiness' "$IDENTIVIA_URL/readyz"
    exit 0
fi

if [ "${1:-}" = inside-pocketbase ]; then
    api=$IDENTIVIA_URL/api/profiles
    make_profile
    expect 200 "an upload while PocketBase's disk has room" -X PATCH "$api/$id" -F "facial_video=@$video"
    head -c 100000000 /dev/zero > "$PB_DIR/filler" 2> /dev/null || true
    expect 503 "an upload on PocketBase's full disk" -X PATCH "$api/$id" -F "facial_video=@$video"
    grep -qi '^retry-after: [1-9]' "$IDENTIVIA_DATA.head" || { say 'no Retry-After'; exit 1; }
    # Small records find room here and there for a while.
    for number in $(seq 2000); do [ "$(ask "$api/create" --json "{\"userID\":\"more-$number\"}")" = 201 ] || break; done
    expect 503 "a profile on PocketBase's full disk" "$api/create" --json '{"userID":"one too many"}'
    expect 200 'reading meanwhile' "$api/$id"
    await_files "$PB_DIR/storage"
    say 'ok: nothing half is kept'
    rm "$PB_DIR/filler"
    expect 200 'an upload once there is room again' -X PATCH "$api/$id" -F "facial_video=@$video"
    expect 201 'a profile once there is room again' "$api/create" --json '{"userID":"one too many"}'
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
IDENTIVIA_DATA=$disk/data "$here/with_server.sh" "$1" "$here/disk_full.sh" inside
rm -rf "$disk/data"
mount -o remount,size=40m "$disk"
TMPDIR=$disk "$here/services.sh" pocketbase env -u TMPDIR "$here/with_pocketbase.sh" "$1" \
    "$here/with_server.sh" "$1" "$here/disk_full.sh" inside-pocketbase
echo 'disk_full: passed'
