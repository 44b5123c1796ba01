#!/usr/bin/env bash
# Derives the crates in this folder anew: each as crates.io has it, with the patch beside it applied, held against the copy that
# is committed. What a copy leaves out of a crate is not needed to build it.
#   usage: vendor/derive.sh            # say whether the copies are what they claim to be: exit status 0 or 1
#          vendor/derive.sh --write    # put what was derived in their place, after a change to a patch or a version
set -euo pipefail

# name, version, SHA-256 of the package as crates.io lists it
crates='rten 0.27.0 639c5d2ce961f3e154878d1d48c2ac3451e5a6ea5d9c0b0d5f0da362f4c57dab'
left_out=(Cargo.lock Cargo.toml.orig CHANGELOG.md .cargo-checksum.json .cargo-ok .cargo_vcs_info.json)

case ${1:-} in
    '' | --write) ;;
    *)
        sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac

fail() {
    echo "$*" >&2
    exit 1
}

here=$(realpath "$(dirname "$0")")
work=$(mktemp -d "${TMPDIR:-/tmp}/identivia-vendor.XXXXXX")
trap 'rm -rf "$work"' EXIT

while read -r name version sha256; do
    mkdir -p "$work/$name/src"
    touch "$work/$name/src/lib.rs"
    printf '[package]\nname = "derived"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n%s = "=%s"\n' \
        "$name" "$version" > "$work/$name/Cargo.toml"
    cargo vendor --quiet --manifest-path "$work/$name/Cargo.toml" "$work/$name/vendor" > "$work/said" 2>&1 ||
        fail "cargo cannot fetch $name $version:" "$(cat "$work/said")"
    crate="$work/$name/vendor/$name"
    grep -q "\"package\":\"$sha256\"" "$crate/.cargo-checksum.json" ||
        fail "$name $version has another SHA-256 than $sha256: it is not the package the patch was made for."
    (cd "$crate" && rm -f "${left_out[@]}")
    # Outside any repository, or git would take the paths for that one's.
    GIT_CEILING_DIRECTORIES=$work git -C "$crate" apply "$here/$name.patch" ||
        fail "$name.patch does not fit $name $version."
    if [ "${1:-}" = --write ]; then
        rm -rf "${here:?}/$name"
        cp -r "$crate" "$here/$name"
    fi
    diff --recursive --unified "$crate" "$here/$name" >&2 ||
        fail "vendor/$name is not $name $version with vendor/$name.patch: change the patch, then run vendor/derive.sh --write."
    echo "vendor/$name is $name $version with vendor/$name.patch."
done <<< "$crates"
