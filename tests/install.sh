#!/usr/bin/env bash
# Makes sure that a tool is there: `python` (with venv, and curl beside it), `chromium`, `postgres` (with openssl, for its
# certificates), `deploy` (nginx and promtool, which check what is in deploy/), `trouble` (what disturbs a server: strace, libfaketime) or `node` (with npm; 20.19 or later). With --only-look nothing is installed.
#   usage: tests/install.sh <tool> [--only-look]
set -euo pipefail

tool=$1
case $tool in
    python) packages='python3 python3-venv curl' ;;
    chromium) packages=chromium ;;
    postgres) packages='postgresql openssl' ;;
    trouble) packages='strace libfaketime' ;;
    deploy) packages='nginx-light prometheus openssl' ;;
    node) packages='nodejs npm' ;;
    *) echo "usage: ${0##*/} python|chromium|postgres|deploy|trouble|node [--only-look]" >&2; exit 2 ;;
esac

# Vite and its kind need that version; older distributions have older ones.
is_recent() {
    local version=${1#v}
    [ -n "$version" ] && printf '20.19\n%s\n' "$version" | sort --check=quiet --version-sort
}

present() {
    case $tool in
        python) command -v curl > /dev/null && python3 -c 'import venv, ensurepip' 2> /dev/null ;;
        chromium) command -v chromium > /dev/null || command -v google-chrome > /dev/null ;;
        trouble) command -v strace > /dev/null && ls /usr/lib/*/faketime/libfaketimeMT.so.1 > /dev/null 2>&1 ;;
        deploy) { command -v nginx || test -x /usr/sbin/nginx; } > /dev/null && command -v promtool openssl > /dev/null ;;
        node) command -v npm > /dev/null && is_recent "$(node --version 2> /dev/null)" ;;
        postgres) command -v openssl > /dev/null && { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } > /dev/null 2>&1 ;;
    esac
}

present && exit 0
if [ "$tool" = node ]; then
    has=$(node --version 2> /dev/null) || has='none'
    advice="Node 20.19 or later is needed, with npm, to build the page for people who verify themselves; there is $has. Install it
from https://nodejs.org, or as its packages at https://deb.nodesource.com, then run this again."
    offered=$(apt-cache policy nodejs 2> /dev/null | sed -n 's/^ *Candidate: *\([0-9][0-9.]*\).*/\1/p') || true
    if [ "${2:-}" = --only-look ] || ! is_recent "$offered"; then
        echo "$advice" >&2
        exit 1
    fi
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "The tests need $packages: install them (Debian: apt-get install $packages), then run this again." >&2
    exit 1
fi
echo "Installing $packages ..." >&2
if [ "$tool" = postgres ]; then
    # The tests make clusters of their own; Debian would start another one for the whole machine.
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/identivia-tests.conf
fi
if [ "$tool" = deploy ] && [ ! -e /usr/sbin/policy-rc.d ]; then
    # The tests start what they need; Debian would start both for the whole machine. Other packages may start theirs.
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
fi
# shellcheck disable=SC2086
apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages > /dev/null
present
