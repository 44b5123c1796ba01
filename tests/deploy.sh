#!/usr/bin/env bash
# Checks what is in deploy/: the alert rules, the systemd unit, the form of the container files, and the nginx site, by a real nginx
# that passes a request, a caller's address and an upload of 49 MB to a running server.
#   usage: TRUSTED_PROXIES=127.0.0.1 tests/with_server.sh <identivia binary> tests/deploy.sh <identivia binary> <python with PyYAML, or python3>
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
identivia=$(realpath "$1")
python=${2:-python3}
work=$(mktemp -d)
nginx=
stop() {
    [ -z "$nginx" ] || kill "$nginx" 2> /dev/null || true
    wait 2> /dev/null || true
    rm -rf "$work"
}
trap stop EXIT
PATH=$PATH:/usr/sbin

echo 'The alert rules:'
promtool check rules "$here/deploy/alerts.yml" | grep SUCCESS

echo 'The systemd unit:'
if command -v systemd-analyze > /dev/null; then
    # The binary of the unit is not installed here.
    sed "s|/usr/local/bin/identivia|$identivia|" "$here/deploy/identivia.service" > "$work/identivia.service"
    systemd-analyze verify --man=no "$work/identivia.service"
    systemd-analyze security --offline=true --threshold=20 "$work/identivia.service" | tail -1
else
    echo '  systemd-analyze is not installed: skipped'
fi

echo 'The container files:'
"$python" "$here/tests/deploy_lint.py" "$here/deploy"

echo 'The nginx site:'
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=id.example.com -addext 'subjectAltName=DNS:id.example.com' \
    -keyout "$work/privkey.pem" -out "$work/fullchain.pem" 2> /dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -e "s|server 127.0.0.1:8000|server ${IDENTIVIA_URL#http://}|" -e "s|/etc/ssl/identivia|$work|" \
    -e "s|listen 443 ssl http2;|listen 127.0.0.1:$port ssl http2;|" -e '/listen \[::\]/d' \
    -e "s|listen 80;|listen unix:$work/http.sock;|" "$here/deploy/nginx.conf" > "$work/site.conf"
cat > "$work/nginx.conf" <<CONF
user root;
daemon off;
pid $work/pid;
error_log $work/error.log warn;
events {}
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    include $work/site.conf;
}
CONF
[ "$(id -u)" = 0 ] || sed -i '/^user /d' "$work/nginx.conf"
nginx -t -q -c "$work/nginx.conf" -e "$work/error.log"
nginx -c "$work/nginx.conf" -e "$work/error.log" &
nginx=$!
site="https://id.example.com:$port"
ask() {
    curl -sS --cacert "$work/fullchain.pem" --resolve "id.example.com:$port:127.0.0.1" "$@"
}
for _ in $(seq 50); do
    ask -o /dev/null "$site/readyz" 2> /dev/null && break
    sleep 0.1
done
[ "$(ask -o /dev/null -w '%{http_code} %{http_version}' "$site/readyz")" = '200 2' ] || { echo 'no HTTP/2 answer' >&2; exit 1; }
echo '  answers by HTTP/2'

made=$(ask "$site/api/profiles/create" -H "Authorization: Bearer $IDENTIVIA_TOKEN" -H 'Content-Type: application/json' \
    -H 'X-Forwarded-For: 203.0.113.66' -d '{"userID": "proxied"}')
id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <<< "$made")
events=$(ask "$site/api/audit_events?profile=$id" -H "Authorization: Bearer $IDENTIVIA_TOKEN")
python3 - "$events" <<'PY'
import json, sys
events = json.loads(sys.argv[1])["data"]
assert events and all(event["address"] == "127.0.0.1" for event in events), events
PY
echo '  an address that a caller makes up goes no further'

# A video of 49 MB and a picture are within the server's limits; the proxy must not be the one that refuses them.
python3 - "$work/video.webm" <<'PY'
import sys
head = b"\x1aE\xdf\xa3\x87B\x82\x84webm\x18S\x80g\x01\xff\xff\xff\xff\xff\xff\xff"
with open(sys.argv[1], "wb") as video:
    video.write(head + b"\7" * (49 * 1024 * 1024 - len(head)))
PY
form=(-F "facial_video=@$work/video.webm;type=video/webm" -F "facial_photo=@$here/tests/data/portrait.jpg;type=image/jpeg")
status=$(ask -o "$work/answer" -w '%{http_code}' -X PATCH "$site/api/profiles/$id" -H "Authorization: Bearer $IDENTIVIA_TOKEN" "${form[@]}")
[ "$status" = 200 ] || { echo "the upload: $status" >&2; cat "$work/answer" "$work/error.log" >&2; exit 1; }
[ -z "$(find "$work/body" -type f 2> /dev/null)" ] || { echo 'the proxy has stored the upload' >&2; exit 1; }
echo '  an upload of 49 MB streams through'
head -c $((90 * 1024 * 1024)) /dev/zero > "$work/large"
status=$(ask -o /dev/null -w '%{http_code}' -X PATCH "$site/api/profiles/$id" -H "Authorization: Bearer $IDENTIVIA_TOKEN" \
    -F "facial_video=@$work/large;type=video/webm" || true)
[ "$status" = 413 ] || { echo "90 MB: $status" >&2; exit 1; }
echo '  more than 85 MB is refused'

if command -v caddy > /dev/null; then
    echo 'The Caddy site:'
    caddy validate --adapter caddyfile --config "$here/deploy/Caddyfile" 2> /dev/null
fi
