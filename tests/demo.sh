#!/usr/bin/env bash
# Walks one person's verification through a fresh server, with curl and as the API reference describes it.
#
#     tests/demo.sh target/release/identivia
#
# Needs bash, curl and coreutils; with jq or python3 the answers are indented too. Everything the server writes goes
# to a temporary folder that is removed at the end. Stops at the first answer that is not the expected one.
set -euo pipefail

if [[ $# -ne 1 || ! -x $1 ]]; then
  echo "usage: ${0##*/} <path of the identivia binary>" >&2
  exit 2
fi
binary=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/identivia-demo.XXXXXX")
server=
steps=0
bold='' dim='' green='' red='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

finish() {
  local result=$?
  trap - EXIT INT TERM
  stop_server
  rm -rf "$work"
  exit "$result"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

stop_server() {
  [[ -n $server ]] || return 0
  kill "$server" 2>/dev/null || true
  for _ in {1..120}; do # A drain may take 10 s.
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}

fail() {
  printf '\n%sdemo failed:%s %s\n' "$red" "$plain" "$*" >&2
  if [[ -s $work/server.log ]]; then
    printf "\nThe server's last lines:\n" >&2
    shorten "$(tail -n 15 "$work/server.log")" >&2
  fi
  exit 1
}

# --- the server -------------------------------------------------------------------------------------------------------

random() { # hexadecimal, of that many bytes
  od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}

free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000)) # Below 32768, where the kernel takes the ports of outgoing connections from.
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  fail "found no free port"
}

all_scopes='["profiles:read","profiles:write","health:read","liveness:read","liveness:write","documents:analyze",
  "aws:credentials","settings:read","settings:write","status_history:read","status_history:write",
  "verification_history:read","verification_history:write","files:read"]'
client_secret=$(random 24)
jwt_secret=$(random 32)

# In an empty environment and folder, so that neither the caller's variables nor a .env file changes what is shown.
start_server() {
  port=$(free_port)
  base=http://127.0.0.1:$port
  mkdir -p "$work/cwd"
  (
    cd "$work/cwd"
    exec env -i PATH="$PATH" PORT="$port" DATA_DIR="$work/data" JWT_SECRET="$jwt_secret" \
      JWT_CLIENTS_JSON="[{\"client_id\":\"demo\",\"client_secret\":\"$client_secret\",\"scopes\":$all_scopes}]" \
      "$binary" serve >"$work/server.log" 2>&1
  ) &
  server=$!
}

# True once /readyz answers 200; false when the server stops before, or needs more than 30 s.
server_ready() {
  for _ in {1..150}; do
    kill -0 "$server" 2>/dev/null || return 1
    [[ $(curl -q -s --noproxy '*' --max-time 2 -o /dev/null -w '%{http_code}' "$base/readyz") == 200 ]] && return 0
    sleep 0.2
  done
  return 1
}

# --- one step ---------------------------------------------------------------------------------------------------------

# The text with tokens and secrets cut short; a token keeps its end, which tells one from another.
shorten() {
  local text=$1 token_end
  while [[ $text =~ eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+ ]]; do
    token_end=${BASH_REMATCH[0]: -6}
    text=${text//"${BASH_REMATCH[0]}"/eyJ…$token_end}
  done
  text=${text//"$client_secret"/${client_secret:0:4}…}
  text=${text//"$jwt_secret"/…}
  printf '%s\n' "$text"
}

# Prints the curl command so that it can be read and pasted: one option a line.
show_command() {
  local line='curl' word
  for word in "$@"; do
    [[ $word == -* && $word != -X ]] && line+=$' \\\n  '
    [[ $line == *' ' ]] || line+=' '
    if [[ $word =~ ^[A-Za-z0-9_./:@=-]+$ ]]; then line+=$word; else line+="'$word'"; fi
  done
  printf '%s' "$dim"
  shorten "$line"
  printf '%s' "$plain"
}

show_answer() {
  local text
  # Pictures in an answer are long.
  text=$(shorten "$1" | sed -E 's#([A-Za-z0-9+/]{48})[A-Za-z0-9+/=]{200,}#\1…#g')
  if command -v jq >/dev/null; then
    if [[ -n $plain ]]; then jq -C . <<<"$text"; else jq -M . <<<"$text"; fi 2>/dev/null || printf '%s\n' "$text"
  elif command -v python3 >/dev/null; then
    python3 -m json.tool --indent 2 --no-ensure-ascii <<<"$text" 2>/dev/null || printf '%s\n' "$text"
  else
    printf '%s\n' "$text"
  fi
}

# request <heading> <expected status> <curl arguments…>: leaves the answer in the file $work/answer.
request() {
  local heading=$1 expected=$2 status
  shift 2
  steps=$((steps + 1))
  printf '\n%s%d. %s%s\n\n' "$bold" "$steps" "$heading" "$plain"
  show_command "$@"
  status=$(curl -q -sS --noproxy '*' --max-time 60 -w '%{http_code}' --output "$work/answer" "$@") ||
    fail "$heading: curl got no answer"
  if [[ $expected != "$status" ]]; then
    printf '\n%s%s%s\n' "$red" "$status" "$plain"
    show_answer "$(tr -d '\0' <"$work/answer")"
    fail "$heading: expected status $expected, got $status"
  fi
  printf '\n%s%s%s\n' "$green" "$status" "$plain"
}

# The same for an answer in JSON: prints it and leaves it in $body.
step() {
  request "$@"
  body=$(<"$work/answer")
  show_answer "$body"
}

# The answer must hold this text, apart from blanks after a colon.
expect() {
  [[ ${body//: /:} == *"$1"* ]] || fail "the answer lacks $1"
}

# The first string of that name in the answer.
value() {
  [[ $body =~ \"$1\"[[:space:]]*:[[:space:]]*\"([^\"]+)\" ]] || fail "the answer has no $1"
  printf '%s' "${BASH_REMATCH[1]}"
}

# The same for a stored file, whose bytes must be those of the file that was sent.
download() {
  local heading=$1 original=$2 path=$3 sent stored
  request "$heading" 200 "$base$path" -H "Authorization: Bearer $token"
  sent=$(sha256sum <"$original")
  stored=$(sha256sum <"$work/answer")
  printf 'sha256 of what was sent:   %s\nsha256 of what came back:  %s\n' "${sent%% *}" "${stored%% *}"
  [[ $sent == "$stored" ]] || fail "$path is not the file that was sent"
}

# --- the walk ---------------------------------------------------------------------------------------------------------

for _ in {1..3}; do # Another program may take the port between the look and the start.
  start_server
  server_ready && break
  stop_server
done
[[ -n $server ]] || fail "the server did not become ready"
printf '%sidentivia is ready at %s%s (its data: a temporary folder)\n' "$bold" "$base" "$plain"

json='Content-Type: application/json'

step "A machine token for a trusted server" 200 \
  -X POST "$base/api/auth/token" -H "$json" -d "{
  \"client_id\": \"demo\",
  \"client_secret\": \"$client_secret\"
}"
token=$(value access_token)
auth="Authorization: Bearer $token"

step "Nothing goes without a token" 401 "$base/"
expect '"error":"Missing bearer token"'

step "Health" 200 "$base/" -H "$auth"
expect '"status":"OK"'

profile_json='{
  "userID": "user-12345",
  "name": "Jane Marie Specimen",
  "documentType": "passport",
  "documentNumber": "A12345678",
  "country": "UTO",
  "email": "jane@example.com",
  "securityLevel": "high"
}'
step "Create a profile" 201 -X POST "$base/api/profiles/create" -H "$json" -H "$auth" -d "$profile_json"
id=$(value id)
flow_token=$(value flow_token)
flow="Authorization: Bearer $flow_token"

step "Create it again: the same profile, with a new flow token" 200 \
  -X POST "$base/api/profiles/create" -H "$json" -H "$auth" -d "$profile_json"
expect '"message":"Existing record found"'
expect "\"id\":\"$id\""

step "The person's browser has the passport read, on this machine" 200 \
  -X POST "$base/api/ollama/document-analysis" -H "$flow" \
  -F document_front=@tests/data/passport.jpg \
  -F document_type_hint=passport
expect '"document_number":"A12345678"'
expect '"date_of_birth":"1990-01-15"'
expect '"authenticity":"authentic"'

step "It asks for a liveness session: steps in an order that nobody could foresee" 200 \
  -X POST "$base/api/face-liveness/session" -H "$flow"
session=$(value sessionId)
nonce=$(value nonce)

# The frames of a camera before which somebody has done that: three a step, 0.7 s apart.
frames_of_the_steps() {
  local steps step number count=0 notes=()
  [[ $body =~ \"steps\"[[:space:]]*:[[:space:]]*\[([^]]*)\] ]] || fail "the answer has no steps"
  steps=${BASH_REMATCH[1]//[\",]/ }
  frames=()
  for step in $steps; do
    for number in 1 2 3; do
      notes+=("{\"step\": \"$step\", \"time\": $((count * 700))}")
      count=$((count + 1))
      frames+=(-F "frame_$count=@tests/data/session/${step}_$number.jpg")
    done
  done
  notes=$(IFS=,; printf '%s' "${notes[*]}")
  frames=(-F "nonce=$nonce" -F "frames=[${notes//\},/\}, }]" "${frames[@]}")
}
frames_of_the_steps
step "The person follows them, and the browser sends what its camera saw" 200 \
  -X POST "$base/api/face-liveness/session/$session/frames" -H "$flow" "${frames[@]}"
expect '"status":"SUCCEEDED"'

step "Somebody is there" 200 "$base/api/face-liveness/results/$session" -H "$flow"
expect '"isLive":true'

step "The same frames do no second time" 409 \
  -X POST "$base/api/face-liveness/session/$session/frames" -H "$flow" "${frames[@]}"

step "Nor in another session: that would be a replay" 200 -X POST "$base/api/face-liveness/session" -H "$flow"
replay=$(value sessionId)
nonce=$(value nonce)
frames_of_the_steps
step "They are taken" 200 -X POST "$base/api/face-liveness/session/$replay/frames" -H "$flow" "${frames[@]}"
step "And show nobody" 200 "$base/api/face-liveness/results/$replay" -H "$flow"
expect '"isLive":false'

step "The browser sends passport and face, and asks for a review" 200 \
  -X PATCH "$base/api/profiles/$id" -H "$flow" \
  -F verification_status=pending \
  -F document_type=passport \
  -F document_front=@tests/data/passport.jpg \
  -F facial_photo=@tests/data/portrait.jpg
expect '"status":"pending"'
document_front=$(value document_front)

step "Record the change of status" 201 -X POST "$base/api/status_history/$id" -H "$json" -H "$auth" -d '{
  "previous_status": "unverified",
  "new_status": "pending",
  "notes": "Verification submitted"
}'
expect "\"profile\":\"$id\""

step "It records the verification, and claims more than was found; pictures are copied from the profile" 201 \
  -X POST "$base/api/verification_history/$id" -H "$flow" \
  -F liveness_session_id="$session" \
  -F liveness_confidence=99.9 \
  -F liveness_status=live \
  -F document_type=passport \
  -F document_number=A12345678 \
  -F country=UTO \
  -F 'name=Jane Marie Specimen' \
  -F gender=female \
  -F date_of_birth=1990-01-15
expect '"claimed_liveness_confidence":99.9'
expect '"checks_status":"pending"'
verification=$(value id)
copied_photo=$(value facial_photo)

for _ in {1..150}; do # Checks run behind the answer.
  [[ $(curl -q -s --noproxy '*' -H "$auth" "$base/api/verification_history/$id") == *'"checks_status":"done"'* ]] && break
  sleep 0.2
done
step "A moment later it has been checked: document, faces, liveness, and what was said" 200 \
  "$base/api/verification_history/$id" -H "$auth"
expect '"checks_status":"done"'
expect '"check":"document","outcome":"warn"' # It agrees with itself, and is a specimen.
for check in face_match liveness data_agreement; do
  expect "\"check\":\"$check\",\"outcome\":\"pass\""
done

step "Read the profile" 200 "$base/api/profiles/$id" -H "$auth"
expect '"verification_status":"pending"'
expect "\"id\":\"$verification\""

download "Download the passport's picture from the profile" tests/data/passport.jpg \
  "/api/files/profiles/$id/$document_front"
download "Download the verification's own copy of the face" tests/data/portrait.jpg \
  "/api/files/verification_history/$verification/$copied_photo"

step "A flow token cannot declare its own person verified" 403 \
  -X PATCH "$base/api/profiles/$id" -H "$flow" -F verification_status=verified

step "A second person" 201 -X POST "$base/api/profiles/create" -H "$json" -H "$auth" -d '{"userID": "user-67890"}'
other=$(value id)

step "The first person's flow token does not even learn that there is a second" 404 \
  "$base/api/profiles/$other" -H "$flow"
expect '"error":"Identivia record not found"'

step "It cannot list profiles" 403 "$base/api/profiles" -H "$flow"

step "All that left the profile as it was" 200 "$base/api/profiles/$id" -H "$flow"
expect '"verification_status":"pending"'

printf '\n%sAll %d answers were as expected.%s No other machine was asked: whether she is verified is for a person to decide.\n' \
  "$green" "$steps" "$plain"
