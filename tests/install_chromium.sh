#!/usr/bin/env bash
# Makes sure that a Chromium is there for the tests that need a real browser.
set -euo pipefail
if command -v chromium > /dev/null || command -v google-chrome > /dev/null; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo 'Chromium is missing: install it (Debian: apt-get install chromium), then run this again.' >&2
    exit 1
fi
echo 'Installing Chromium ...' >&2
apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium > /dev/null
