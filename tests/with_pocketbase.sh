#!/usr/bin/env bash
# Prepares the PocketBase that POCKETBASE_URL names, collections and batch API, then runs a command.
#   usage: tests/with_pocketbase.sh <identivia binary> <command> [argument ...]
set -euo pipefail

identivia=$(realpath "$1")
shift
(cd "$(mktemp -d)" && "$identivia" pocketbase init > /dev/null)
python3 - << 'END'
import json, os, urllib.request

def ask(method, path, body, token=""):
    url = os.environ["POCKETBASE_URL"] + path
    headers = {"Content-Type": "application/json", "Authorization": token}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    return json.load(urllib.request.urlopen(request))

login = {"identity": os.environ["PB_USER_EMAIL"], "password": os.environ["PB_USER_PASSWORD"]}
token = ask("POST", "/api/collections/_superusers/auth-with-password", login)["token"]
ask("PATCH", "/api/settings", {"batch": {"enabled": True}}, token)
END
exec "$@"
