#!/usr/bin/env bash
# Packs a release: the stripped binary, manual pages, shell completions, the files of deploy/, the bill of materials and checksums.
#   usage: tests/dist.sh <release binary> <python with the tools of requirements-lint.txt> <folder to write>
set -euo pipefail

binary=$1 python=$2 out=$3
version=$("$binary" --version | cut -d' ' -f2)
name=identivia-$version-$(uname -m)-linux
rm -rf "${out:?}/$name" "$out/$name.tar.gz"
mkdir -p "$out/$name"
install -m 0755 "$binary" "$out/$name/identivia"
# The profile `release` strips symbols; a binary with them would be several times as large.
if command -v readelf > /dev/null && readelf -S "$out/$name/identivia" | grep -q '\.symtab'; then
    echo 'the binary is not stripped' >&2
    exit 1
fi
cargo run --locked --quiet --example command_line_files -- "$out/$name"
"$python" tests/sbom.py "$out/$name/identivia.cdx.json"
cp LICENSE README.md CHANGELOG.md "$out/$name/"
cp -r deploy "$out/$name/deploy"
cp models/NOTICE "$out/$name/NOTICE-models"
(cd "$out/$name" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS && sha256sum --quiet --check SHA256SUMS)
# The same files give the same archive.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00Z' -C "$out" -cf - "$name" | gzip -n > "$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
echo "$out/$name.tar.gz"
