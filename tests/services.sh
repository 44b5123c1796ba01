#!/usr/bin/env bash
# Runs a command beside a service of its own, on a free port and in a temporary folder that goes with it, and exports
# what a server needs to use it: DATABASE_URL; POCKETBASE_URL, PB_USER_EMAIL and PB_USER_PASSWORD; FILES_URL and AWS_*; or
# the keys and addresses of the providers (tests/providers), or SMTP_URL, MAIL_FROM and SMTP_CA_FILE.
#   usage: tests/services.sh postgres|postgres-tls|pocketbase|s3|smtp|providers <command> [argument ...]
#          tests/services.sh postgres tests/services.sh s3 <command>        # one beside the other
# With --orders in place of the command, as the Rust tests use it, it prints those variables and an empty line. Then it
# carries out the orders on its standard input (stop, start, pause, resume), answers each with `done`, and goes when the
# input ends: however the tests die, the kernel closes that pipe.
set -euo pipefail

service=${1:-}
case $service in
    postgres | postgres-tls | pocketbase | s3 | smtp | providers) ;;
    *) service= ;;
esac
if [ -z "$service" ] || [ $# -lt 2 ]; then
    echo "usage: ${0##*/} postgres|postgres-tls|pocketbase|s3|smtp|providers <command> [argument ...]" >&2
    exit 2
fi
shift
# Whoever gives orders reads why it failed where they read the variables.
[ "$1" != --orders ] || exec 2>&1

root=$(realpath "$(dirname "$0")/..")

# Prints the folder for temporary data. What is not synced to a disk is kept in memory, if there is plenty of it: the files of
# a database for each test, made and removed, take the file system more time than the tests take PostgreSQL.
temporary_folder() {
    local gigabyte=$((1024 * 1024)) free available # all in KiB
    free=$(df --output=avail /dev/shm 2> /dev/null | tail -n 1) || free=0
    available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2> /dev/null) || available=0
    if [ "${PG_FSYNC:-on}" = off ] && [ -w /dev/shm ] && [ "${free:-0}" -gt $((4 * gigabyte)) ] && [ "${available:-0}" -gt $((8 * gigabyte)) ]; then
        echo /dev/shm
    else
        echo "${TMPDIR:-/tmp}"
    fi
}

folder=$(mktemp -d "$(temporary_folder)/identivia-$service.XXXXXX")
process= port=
ports=/tmp/identivia-port

fail() {
    echo "$*" >&2
    exit 1
}

finish() {
    local result=$?
    trap - EXIT
    trap '' INT TERM HUP
    stop "$at_the_end"
    rm -rf "$folder" ${port:+"$ports.$port"}
    exit "$result"
}

# What was installed for the tests comes first: those versions are pinned.
tool() {
    local place
    for place in "$root/.venv/bin/$1" "$(command -v "$1" || true)" /usr/lib/postgresql/*/bin/"$1"; do
        [ -x "$place" ] && realpath -s "$place" && return
    done
    fail "$1 is missing: run \`make test\`, which installs it"
}

# Below 32768, where the kernel takes the ports of outgoing connections from. Nobody else of us takes it meanwhile, also
# while the service is stopped: it is to come back there.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 12000))
        mkdir "$ports.$port" 2> /dev/null || continue
        (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo "$port"; return; }
        rmdir "$ports.$port"
    done
    fail 'There is no free port.'
}

# --- PostgreSQL: its own defaults, fsync among them, unless PG_FSYNC says `off` -----------------------------------------

# It refuses to run as root.
find_postgres() {
    local initdb
    initdb=$(tool initdb)
    bin=$(dirname "$(realpath "$initdb")")
    openssl=$(tool openssl)
    owner=()
    [ "$(id -u)" = 0 ] || return 0
    chown postgres "$folder"
    owner=(setpriv --reuid=postgres --regid=postgres --init-groups)
}

prepare_postgres() {
    "${owner[@]}" "$bin/initdb" --pgdata=data --username=postgres --encoding=UTF8 --locale=C \
        --auth-local=trust --auth-host=scram-sha-256 --no-sync
    [ "$service" != postgres-tls ] || certify
}

certify() {
    "${owner[@]}" "$openssl" req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -addext 'basicConstraints=critical,CA:FALSE' \
        -keyout server.key -out server.crt
    "${owner[@]}" chmod 600 server.key
}

run_postgres() {
    local tls=(-c ssl=off)
    [ "$service" != postgres-tls ] || tls=(-c ssl=on -c "ssl_cert_file=$folder/server.crt" -c "ssl_key_file=$folder/server.key")
    # Dozens of test servers share one cluster, and each may open 16 connections: the default of 100 is for a few.
    exec "${owner[@]}" "$bin/postgres" -D data -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 \
        -c max_connections=1000 -c fsync="${PG_FSYNC:-on}" "${tls[@]}"
}

# The role is no superuser: what it must not do is refused here as it would be elsewhere.
announce_postgres() {
    "$bin/psql" -q -v ON_ERROR_STOP=1 -h "$folder" -p "$port" -U postgres -d postgres \
        -c "create role identivia login createdb password 'pg-role-secret'" -c 'create database identivia owner identivia'
    export DATABASE_URL="postgres://identivia:pg-role-secret@127.0.0.1:$port/identivia"
    [ "$service" != postgres-tls ] || DATABASE_URL+="?sslmode=verify-full&sslrootcert=$folder/server.crt"
    variables=(DATABASE_URL)
}

# --- PocketBase -------------------------------------------------------------------------------------------------------

find_pocketbase() {
    pocketbase=$(tool pocketbase)
    export PB_USER_EMAIL=identivia@example.com PB_USER_PASSWORD='a password of the tests'
}

# PB_TEMPLATE is the data folder of a stopped instance, to start with a copy of it.
prepare_pocketbase() {
    if [ -n "${PB_TEMPLATE:-}" ]; then
        cp -a "$PB_TEMPLATE" "$folder/data"
        return
    fi
    "$pocketbase" superuser upsert "$PB_USER_EMAIL" "$PB_USER_PASSWORD" --dir "$folder/data"
}

run_pocketbase() {
    # By default it writes what changes in its schema beside its folder, and another instance would carry that out.
    exec "$pocketbase" serve --http "127.0.0.1:$port" --dir "$folder/data" --automigrate=false
}

announce_pocketbase() {
    export POCKETBASE_URL="http://127.0.0.1:$port" PB_DIR=$folder/data
    variables=(POCKETBASE_URL PB_USER_EMAIL PB_USER_PASSWORD PB_DIR)
}

# --- S3, as moto answers it: in memory, and gone when it stops --------------------------------------------------------

find_s3() {
    moto=$(tool moto_server)
}

prepare_s3() {
    : # It keeps nothing.
}

run_s3() {
    exec "$moto" -H 127.0.0.1 -p "$port"
}

announce_s3() {
    export AWS_ENDPOINT_URL_S3="http://127.0.0.1:$port" AWS_REGION=us-east-1
    export AWS_ACCESS_KEY_ID=identivia AWS_SECRET_ACCESS_KEY=s3-user-secret FILES_URL=s3://identivia/files
    curl -q -sSf --noproxy '*' -o /dev/null -X PUT "$AWS_ENDPOINT_URL_S3/identivia"
    variables=(FILES_URL AWS_ENDPOINT_URL_S3 AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION)
}

# --- SMTP: keeps what it accepts in one file ---------------------------------------------------------------------------

find_smtp() {
    python=$(tool python)
    openssl=$(tool openssl)
    owner=()
}

prepare_smtp() {
    certify
}

run_smtp() {
    exec "$python" "$root/tests/smtp_server.py" --port "$port" --certificate server.crt --key server.key --messages messages
}

announce_smtp() {
    export SMTP_URL="smtp://127.0.0.1:$port" MAIL_FROM=identivia@example.com SMTP_CA_FILE=$folder/server.crt
    export SMTP_USER=identivia SMTP_PASSWORD=smtp-user-secret SMTP_MESSAGES=$folder/messages
    variables=(SMTP_URL MAIL_FROM SMTP_CA_FILE SMTP_USER SMTP_PASSWORD SMTP_MESSAGES)
}

# --- AWS, OpenAI and Fingerprint, as their published models have them: in memory, and gone when it stops --------------

find_providers() {
    python=$(tool python)
}

prepare_providers() {
    : # They keep nothing.
}

run_providers() {
    exec "$python" "$root/tests/providers/serve.py" --port "$port"
}

announce_providers() {
    export PROVIDERS_URL="http://127.0.0.1:$port"
    export AWS_ENDPOINT_URL_REKOGNITION=$PROVIDERS_URL AWS_ENDPOINT_URL_STS=$PROVIDERS_URL AWS_REGION=us-east-1
    export LIVENESS_STREAM_URL="ws://127.0.0.1:$port"
    export AWS_ACCESS_KEY_ID=AKIAIDENTIVIA AWS_SECRET_ACCESS_KEY=secret-of-AKIAIDENTIVIA LIVENESS_PROVIDER=aws
    export FACE_LIVENESS_CHALLENGES=FaceMovementAndLightChallenge,FaceMovementChallenge
    export OPENAI_BASE_URL=$PROVIDERS_URL/v1 OPENAI_API_KEY=sk-identivia
    export FINGERPRINT_BASE_URL=$PROVIDERS_URL FINGERPRINT_SECRET_KEY=fingerprint-identivia
    curl -q -sSf --noproxy '*' -o /dev/null "$PROVIDERS_URL/_/ready"
    variables=(PROVIDERS_URL AWS_ENDPOINT_URL_REKOGNITION AWS_ENDPOINT_URL_STS LIVENESS_STREAM_URL AWS_REGION
        AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY LIVENESS_PROVIDER FACE_LIVENESS_CHALLENGES OPENAI_BASE_URL OPENAI_API_KEY FINGERPRINT_BASE_URL
        FINGERPRINT_SECRET_KEY)
}

# --- any of them ------------------------------------------------------------------------------------------------------

# PocketBase and moto lose nothing they would keep otherwise by being killed, and both take a second to go politely.
case $service in
    postgres*) kind=postgres ready='ready to accept connections' stopping=INT at_the_end=QUIT ;;
    pocketbase) kind=pocketbase ready='Server started at' stopping=KILL at_the_end=KILL ;;
    providers) kind=providers ready='Serving providers on' stopping=KILL at_the_end=KILL ;;
    smtp) kind=smtp ready='Serving SMTP on' stopping=KILL at_the_end=KILL ;;
    s3) kind=s3 ready='Running on http' stopping=KILL at_the_end=KILL ;;
esac

# Its own log tells when it is ready; an answer on the port could be anyone's.
start() {
    [ -z "$process" ] || return 0
    : > "$folder/log"
    (cd "$folder" && "run_$kind") > "$folder/log" 2>&1 &
    process=$!
    disown # Otherwise bash would report its end.
    for _ in {1..600}; do
        grep -q "$ready" "$folder/log" && return 0
        kill -0 "$process" 2> /dev/null || break
        sleep 0.05
    done
    stop KILL
    return 1
}

stop() {
    [ -n "$process" ] || return 0
    tell CONT
    kill -s "$1" "$process" 2> /dev/null || true
    for _ in {1..200}; do
        kill -0 "$process" 2> /dev/null || break
        sleep 0.05
    done
    kill -KILL "$process" 2> /dev/null || true
    process=
}

# PostgreSQL has a process for each connection, and the first one must not make more of them meanwhile.
tell() {
    [ -n "$process" ] || return 0
    kill -s "$1" "$process" 2> /dev/null || return 0
    local children
    children=$(cat "/proc/$process/task/$process/children" 2> /dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$children" ] || kill -s "$1" $children 2> /dev/null || true
    [ "$1" != STOP ] || await_stopped "$process" $children
}

# A signal is on its way for a moment, and a thread that runs meanwhile would still answer.
await_stopped() {
    local each running
    for _ in {1..100}; do
        running=
        for each in "$@"; do
            running+=$(grep -L '^State:[[:space:]]*T' "/proc/$each"/task/*/status 2> /dev/null || true)
        done
        [ -n "$running" ] || return 0
        sleep 0.02
    done
}

begin() {
    "find_$kind"
    (cd "$folder" && "prepare_$kind") > "$folder/log" 2>&1 &
    wait $! || fail "$(tail -n 20 "$folder/log")"
    for _ in {1..3}; do # Another program may take the port between the look and the start.
        port=$(free_port)
        start && break
        rmdir "$ports.$port"
    done
    [ -n "$process" ] || fail "$service did not start: $(tail -n 20 "$folder/log")"
    "announce_$kind"
}

obey() {
    local name order
    for name in "${variables[@]}"; do
        printf '%s=%s\n' "$name" "${!name}"
    done
    echo
    while read -r order; do
        case $order in
            stop) stop "$stopping" ;;
            start) start || fail "$(tail -n 20 "$folder/log")" ;;
            pause) tell STOP ;;
            resume) tell CONT ;;
            *) fail "There is no order '$order'." ;;
        esac
        echo 'done'
    done
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
begin
if [ "$1" = --orders ]; then obey; else "$@"; fi
