#!/usr/bin/env bash
# Makes sure that a tool the tests need is there: `python` (with venv, and curl beside it), `chromium` or `postgres` (with
# openssl, for its certificates).
#   usage: tests/install.sh <tool>
set -euo pipefail

tool=$1
case $tool in
    python) packages='python3 python3-venv curl' ;;
    chromium) packages=chromium ;;
    postgres) packages='postgresql openssl' ;;
    *) echo "usage: ${0##*/} python|chromium|postgres" >&2; exit 2 ;;
esac

present() {
    case $tool in
        python) command -v curl > /dev/null && python3 -c 'import venv, ensurepip' 2> /dev/null ;;
        chromium) command -v chromium > /dev/null || command -v google-chrome > /dev/null ;;
        postgres) command -v openssl > /dev/null && { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } > /dev/null 2>&1 ;;
    esac
}

present && exit 0
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
# shellcheck disable=SC2086
apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages > /dev/null
present
