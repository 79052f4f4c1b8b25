#!/usr/bin/env bash
# Walks every main path of an installation once, in under a minute. Each check prints one line; each failure prints what
# was called, what came back and what to do.
#
#   scripts/smoke.sh                   on an installation of its own, removed afterwards
#   scripts/smoke.sh --profile full    the same on a PostgreSQL, an S3 server and a Mosquitto of its own, as scripts/dev-up.sh --profile full
#   scripts/smoke.sh ... --running     on the installation in MC_DATA_DIR; leaves a mission smoke-…
#   scripts/smoke.sh ... --postgres URL    one of its own, whose database is made in that server and removed afterwards
#
# MC_DATA_DIR   with --running: the installation (default: ~/.local/share/missioncontrol; full: …/missioncontrol-full)
# MC_BIN_DIR    folder of the programs (default: where scripts/dev-up.sh builds)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/full-profile.sh
. "$MC_SCRIPTS/full-profile.sh"

RUNNING='' POSTGRES='' PROFILE=''
while [ $# -gt 0 ]; do
  case $1 in
    --profile)
      PROFILE=${2:-}
      case $PROFILE in quickstart | full) shift 2 ;; *) usage_error "--profile takes quickstart or full, not '$PROFILE'" ;; esac
      ;;
    --running) RUNNING=1 && shift ;;
    --postgres)
      POSTGRES=${2:-}
      [ -n "$POSTGRES" ] || usage_error "--postgres takes the URL of a server"
      shift 2
      ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$1'" ;;
  esac
done

[ -z "$RUNNING" ] || [ -z "$POSTGRES" ] || usage_error "--postgres makes an installation of its own, --running uses another one"

PROFILE=$(mc_profile "$PROFILE")
require_linux
need_cmd curl
[ -z "$POSTGRES" ] || need_cmd psql postgresql-client
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc" "build it: scripts/dev-up.sh --no-demo"
PATH=$BIN:$PATH
WORK=$(mktemp -d)
OWN='' DATABASE='' PARTS=''
finish() {
  local code=$?
  trap - EXIT
  [ -z "$OWN" ] || mc down --data-dir "$DIR" >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  [ -z "$PARTS" ] || full_remove "$DIR" >"$WORK/parts" 2>&1 || { cat "$WORK/parts" >&2 && code=1; }
  [ -z "$DATABASE" ] || psql -qX "$POSTGRES" -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" || code=1
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export MC_CONFIG=$WORK/config.yaml
unset MC_TOKEN MC_BASE_URL MC_HTTP MC_GRPC MC_MQTT MC_DATABASE_URL "${!MC_MQTT_BROKER_@}"

PASSED=0 FAILED=0
# check NAME FIX COMMAND...: the command must succeed; what it said is in $WORK/out.
check() {
  local name=$1 fix=$2 code=0
  shift 2
  "$@" >"$WORK/out" 2>&1 || code=$?
  if [ "$code" = 0 ]; then
    PASSED=$((PASSED + 1))
    printf 'ok      %s\n' "$name"
    return 0
  fi
  FAILED=$((FAILED + 1))
  printf 'FAILED  %s\n          called: %s (exit code %s)\n' "$name" "$*" "$code"
  sed -n '1,6s/^/          said:   /p' "$WORK/out"
  printf '          fix:    %s\n' "$fix"
  return 0
}
# exits CODE COMMAND...: ends with exactly this exit code.
exits() {
  local want=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$want" ] || { printf 'exit code %s instead of %s\n' "$code" "$want" && return 1; }
}
# says TEXT COMMAND...: its output has the text.
says() {
  local text=$1
  shift
  "$@" >"$WORK/said" 2>&1 || { cat "$WORK/said" && return 1; }
  grep -qF -- "$text" "$WORK/said" || { printf 'the output lacks: %s\n' "$text" && cat "$WORK/said" && return 1; }
}
# open_paths PATH...: answers 200 without a token. Needs no curl.
open_paths() {
  local path status
  for path in "$@"; do
    # shellcheck disable=SC2016  # expanded by the inner shell
    status=$(timeout 5 bash -c '
      exec 3<>"/dev/tcp/${0%:*}/${0##*:}" || exit 1
      printf "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "$1" "$0" >&3
      read -r _ status _ <&3 && printf "%s" "$status"' "$ADDRESS" "$path" 2>/dev/null || true)
    [ "$status" = 200 ] || { printf 'GET %s: %s\n' "$path" "${status:-no answer}" && return 1; }
  done
}
# approval: waits for an open approval of the mission; leaves its id in APPROVAL.
approval() {
  local deadline=$((SECONDS + 20))
  APPROVAL=''
  while [ "$SECONDS" -lt "$deadline" ]; do
    APPROVAL=$(mc get approvals -m "$M" --state open -o name | head -n 1)
    APPROVAL=${APPROVAL#*/}
    [ -z "$APPROVAL" ] || return 0
    sleep 0.1
  done
  printf 'no approval was asked for in mission %s\n' "$M"
  return 1
}
# member NAME FILE: the JSON text member of that name.
member() { sed -n "s/^ *\"$1\": \"\\(.*\\)\",\\{0,1\\}\$/\\1/p" "$2" | head -n 1; }
artifact_comes_back() {
  head -c 70000 /dev/urandom >"$WORK/blob"
  KEY=$(mc get task by-hand -m "$M" -k work -o json >"$WORK/task" && member key "$WORK/task") &&
    mc artifact put "$WORK/blob" --name blob.bin --task "$KEY" -m "$M" && mc artifact get blob.bin -m "$M" --file "$WORK/back" &&
    cmp "$WORK/blob" "$WORK/back"
}
bucket_gives_bytes() {
  local url
  url=$(mc artifact download blob.bin -m "$M" --url --expires 1m | tail -n 1) || return 1
  case $url in "http://$ADDRESS"/*) printf 'it is a URL of the control plane\n' && return 1 ;; esac
  curl -q --noproxy '*' -fsS -m 20 "$url" | cmp - "$WORK/blob"
}
published() {
  mc publish blob.bin -m "$M" --message 'Smoke test' -o json >"$WORK/publication" &&
    approval && mc approve "$APPROVAL" --context reviewer &&
    mc wait publication "$(member id "$WORK/publication")" --for state=published --timeout 20s
}
published_elsewhere() {
  git init -q --bare -b main "$WORK/elsewhere/ledger.git" && mc create connection "$M" --kind local --url "$WORK/elsewhere" &&
    mc persistence test "$M" --repo ledger.git && mc persistence provision -m "$M" --connection "$M" --repo ledger.git &&
    says create mc publish task/by-hand -m "$M" --plan && mc publish task/by-hand -m "$M" -o json >"$WORK/publication" &&
    approval && mc approve "$APPROVAL" --context reviewer &&
    mc wait publication "$(member id "$WORK/publication")" --for state=published --timeout 20s &&
    says ok mc ledger verify --git "$WORK/elsewhere/ledger.git" && says task.complete mc ledger history task by-hand -m "$M"
}
exported() { mc ledger export --file "$WORK/export" && says 'ok' mc ledger verify --file "$WORK/export"; }
tampered() {
  sed '2s/"action":"\([a-z]\)/"action":"x\1/' "$WORK/export" >"$WORK/bad" && ! cmp -s "$WORK/export" "$WORK/bad" &&
    exits 3 mc ledger verify --file "$WORK/bad"
}
session_started() {
  mc create session -m "$M" --runtime scripted -o json >"$WORK/session" && SESSION=$(member id "$WORK/session") &&
    mc wait session "$SESSION" --for state=idle --timeout 20s
}
prompted() { says end_turn mc prompt "$SESSION" '/say hello from the agent' --wait -o json && says 'hello from the agent' mc logs "$SESSION" -o json; }
# by_mqtt: how many batches of records came by MQTT, since the control plane was started.
by_mqtt() {
  curl -q --noproxy '*' -fsS -m 10 "http://$ADDRESS/metrics" | sed -n 's/^mc_uplink_batches_total{path="mqtt"} //p'
}
came_by_broker() {
  local before deadline=$((SECONDS + 90))
  says 'connected to ' mc system doctor --no-objects || return 1
  before=$(by_mqtt)
  # A node that was there before the broker connects within ten seconds, on a machine that has time.
  while [ "$SECONDS" -lt "$deadline" ]; do
    mc prompt "$SESSION" '/say by the broker' --wait >/dev/null || return 1
    [ "$(by_mqtt)" = "$before" ] || return 0
    sleep 0.5
  done
  printf 'all batches came by gRPC\n'
  return 1
}
permission_answered() {
  mc prompt "$SESSION" "/ask write smoke.md
/say it was allowed" && approval && mc approve "$APPROVAL" --context reviewer --note smoke &&
    mc wait session "$SESSION" --for state=idle --timeout 20s && says 'it was allowed' mc logs "$SESSION" -o json
}
task_done_by_agent() {
  mc create task -m "$M" -k work --name by-agent --title 'Done by an agent' --runtime scripted --description "/ask write result.md
/say the result" && approval && mc approve "$APPROVAL" --context reviewer &&
    mc wait task by-agent -m "$M" -k work --for state=done --timeout 30s
}
paths_reserved() (
  local repo=$WORK/repo id
  git init -q "$repo" && git -C "$repo" remote add origin git@smoke.example:a/b.git && cd "$repo" && mkdir src && : >src/x && git add src || return 1
  mc hook install && mc reserve src -m "$M" --context reviewer -o json >"$WORK/reservation" && id=$(member id "$WORK/reservation") &&
    exits 5 mc reserve 'src/*' -m "$M" &&
    exits 1 git -c user.name=smoke -c user.email=smoke@smoke.example commit -q -m smoke &&
    mc delete reservation "$id" --context reviewer && mc wait reservation "$id" --for state=released &&
    git -c user.name=smoke -c user.email=smoke@smoke.example commit -q -m smoke && mc hook uninstall
)
planned() {
  mc create kluster plan -m "$M" && mc create task -m "$M" -k plan --name one --title 'Weigh the lander' &&
    mc create task -m "$M" -k plan --name two --title 'Paint the hatch' --depends-on one &&
    says dependency_unfinished mc why task two -m "$M" -k plan &&
    mc create task -m "$M" -k plan --name three --title 'Tighten the bolts' && mc set capacity -m "$M" -k plan 1 &&
    mc task claim one -m "$M" -k plan && exits 5 mc task claim three -m "$M" -k plan &&
    says kluster_full mc why task three -m "$M" -k plan && mc set capacity -m "$M" -k plan --none &&
    mc pause mission "$M" && exits 5 mc task claim three -m "$M" -k plan && mc resume mission "$M" &&
    printf 'parameters: [{name: part}]\ntask: {title: "Replace the {{ part }}"}\n' >"$WORK/template.yaml" &&
    mc template put swap -m "$M" -f "$WORK/template.yaml" &&
    says 'Replace the pump' mc create task -m "$M" -k plan --template swap -p part=pump -o yaml &&
    exits 2 mc create task -m "$M" -k plan --template swap -p colour=red
}
applied_and_imported() {
  mc apply -f "$WORK/m.yaml" --server-side && mc diff -f "$WORK/m.yaml" --server-side &&
    printf 'id,title,depends_on\na,Order the parachute,b\nb,Measure the canopy,\n' >"$WORK/rows.csv" &&
    says 'created 2' mc import tasks -m "$M" -k plan -f "$WORK/rows.csv" --format csv &&
    says 'unchanged 2' mc import tasks -m "$M" -k plan -f "$WORK/rows.csv" --format csv
}
packed() {
  mc export mission "$M" --scrub >"$WORK/pack" && says 'created' mc import "$WORK/pack" --name "$M-copy" &&
    says 'unchanged' mc import "$WORK/pack" --name "$M-copy" && says 'Replace the pump' mc get tasks -m "$M-copy" &&
    sed '3s/"name":"\([a-z]\)/"name":"x\1/' "$WORK/pack" >"$WORK/bad-pack" && ! cmp -s "$WORK/pack" "$WORK/bad-pack" &&
    exits 2 mc import "$WORK/bad-pack" --name "$M-bad"
}
overlap_prevented() {
  local key title='Retry uploads when the object store times out'
  mc create kluster overlap -m "$M" && mc create task -m "$M" -k overlap --name first --title "$title" &&
    mc overlap check -m "$M" -k overlap --title 'Uploads to the object store must be retried after timeouts' -o json >"$WORK/overlap" &&
    grep -q '"decision": "allow"' "$WORK/overlap" && grep -qF "$title" "$WORK/overlap" &&
    mc set policy overlap -m "$M" -k overlap --mode require_ack &&
    exits 5 mc create task -m "$M" -k overlap --title "$title" &&
    key=$(mc get task first -m "$M" -k overlap -o json | member key /dev/stdin) &&
    mc create task -m "$M" -k overlap --title "$title" --acknowledge-overlap "$key" &&
    mc overlap accept "$(mc get overlaps -m "$M" --state open | awk -v key="$key" '$7 == key { print $1; exit }')" --as wait
}
found() { mc search 'retry uploads' -m "$M" -o json >"$WORK/found" && grep -q '"title": "Retry uploads when' "$WORK/found"; }
skills_taught() {
  mkdir -p "$WORK/skills/deploy" "$WORK/own/deploy" "$WORK/clone" && echo ship >"$WORK/skills/deploy/SKILL.md" && echo here >"$WORK/own/deploy/SKILL.md" &&
    mc skill push "$WORK/skills" -m "$M" --publish && mc skill push "$WORK/own" -m "$M" -k work --publish &&
    says m1-k1 mc skill effective -m "$M" -k work && mc skill sync "$WORK/clone" -m "$M" -k work &&
    says here cat "$WORK/clone/.claude/skills/deploy/SKILL.md" && echo mine >"$WORK/clone/.agents/skills/deploy/SKILL.md" &&
    says drifted mc skill drift "$WORK/clone" && exits 5 mc skill sync "$WORK/clone" -m "$M" -k work && says drifted mc skill drift -m "$M"
}
session_has_skills() {
  mc prompt "$SESSION" '/say with skills' --wait -o json && says m1-k0 mc describe session "$SESSION"
}
profile_carried() (
  export MC_PROFILES_DIR=$WORK/profiles
  mkdir -p "$WORK/mine" && echo kind >"$WORK/mine/AGENTS.md" && mc profile push "$M" --from "$WORK/mine" && mc profile use "$M" &&
    says kind cat "$(mc profile path)/AGENTS.md" && echo more >"$(mc profile path)/AGENTS.md" && exits 5 mc profile pull &&
    says 'version 2' mc profile push && says 'in use' mc profile list && mc profile delete "$M"
)
mcp_tools() {
  { printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"smoke","version":"1"}}}' \
      '{"jsonrpc":"2.0","method":"notifications/initialized"}' '{"jsonrpc":"2.0","id":2,"method":"tools/list"}' && sleep 1; } |
    timeout 10 mc mcp serve >"$WORK/mcp" 2>&1 || true
  grep -q '"claim_task"' "$WORK/mcp" || { head -c 600 "$WORK/mcp" && return 1; }
}

# shellcheck source=scripts/smoke-doors.sh
. "$MC_SCRIPTS/smoke-doors.sh"

BEGAN=$SECONDS
LOOK="the logs are in the installation's folder logs/"
if [ -n "$RUNNING" ]; then
  DIR=$(mc_data_dir "$PROFILE")
  read_pid_file "$DIR/run/supervisor.pid" || die "nothing runs in $DIR" "scripts/dev-up.sh --profile $PROFILE --no-demo, or leave out --running"
  mc up --detach --data-dir "$DIR" >"$WORK/out" 2>&1 || die "the installation in $DIR does not answer" "$(tail -n 2 "$WORK/out")"
else
  DIR=$WORK/data OWN=1
  if [ -n "$POSTGRES" ]; then
    DATABASE=mc_smoke_$$
    psql -qX "$POSTGRES" -c "CREATE DATABASE $DATABASE" >"$WORK/out" 2>&1 || { DATABASE='' && die "no database in that server" "$(cat "$WORK/out")"; }
    query=${POSTGRES#"${POSTGRES%%\?*}"} base=${POSTGRES%%\?*}
    export MC_DATABASE_URL=${base%/*}/$DATABASE$query
  fi
  if [ "$PROFILE" = full ]; then
    PARTS=1
    # Where the account of the server reaches it; removed afterwards.
    export MC_PG_FALLBACK=${TMPDIR:-/tmp}
    full_start "$DIR" 2>"$WORK/parts" || { cat "$WORK/parts" >&2 && die "the parts of the profile full did not start" "read the messages above"; }
  fi
  check 'mc up --detach: supervisor, control plane, node' 'read the log lines above' mc up --detach --data-dir "$DIR" --http 127.0.0.1:0
  [ "$FAILED" = 0 ] || exit 1
  if [ "$PROFILE" = full ]; then
    check 'the MQTT broker has its configuration and the control plane is connected' "$DIR/parts/mosquitto/log" full_broker "$DIR" "$BIN"
  fi
fi
ADDRESS=$(sed -n 's|.*"http": "http://\([^"]*\)".*|\1|p' "$DIR/run/endpoints.json")
M=smoke-$(date +%s)-$$
(umask 077 && printf 'Authorization: Bearer %s\n' "$(cat "$DIR/token")" >"$WORK/authorization")

check 'health, version and API description answer without a token' "$LOOK" \
  open_paths /healthz /health /readyz /versionz /openapi.json /api/docs/ /metrics
check 'a wrong token is refused' 'the token check is broken: do not expose this server' exits 3 env MC_TOKEN=wrong-token mc get missions
check 'mc system doctor' 'each line says what is wrong' mc system doctor
check 'mission, kluster, task' "$LOOK" eval 'mc create mission "$M" && mc create kluster work -m "$M" && mc create task -m "$M" -k work --name by-hand --title "Done by hand"'
check 'mc apply twice changes nothing the second time' "$LOOK" \
  eval 'sed "s/\bapollo\b/$M/; s/runtime: scripted/runtime: none/" "$MC_REPO/examples/apollo.yaml" >"$WORK/m.yaml" && mc apply -f "$WORK/m.yaml" && says unchanged mc apply -f "$WORK/m.yaml"'
check 'claim, progress, complete' "$LOOK" \
  eval 'mc task claim by-hand -m "$M" -k work && mc task progress by-hand -m "$M" -k work --percent 50 && mc task complete by-hand -m "$M" -k work --result done'
check 'an artifact comes back byte for byte' "$LOOK" artifact_comes_back
if [ "$PROFILE" = full ]; then
  check 'the database is PostgreSQL, the bytes are in a bucket' 'mc system doctor' eval 'says "postgres answers" mc system doctor && says "the bucket" mc system doctor'
  check 'the bucket itself gives the bytes by a URL' "$LOOK" bucket_gives_bytes
fi
check 'a second login' "$LOOK" eval 'mc auth login --as smoke-reviewer --role contributor --ttl 10m --context reviewer && mc config use-context local'
check 'a publication is approved by it and committed to Git' "$LOOK" published
check 'the commit carries its provenance' "$LOOK" says Approval git --git-dir "$DIR/ledger.git" log -1 --format=%B main
check 'a task is published to a bound repository, planned before, verified after' "mc persistence status -m $M" published_elsewhere
check 'the node is ready' "mc describe node; $DIR/logs/mesh.log" says ready mc get nodes
check 'an agent session starts' "$DIR/logs/mesh.log" session_started
check 'a prompt is answered and logged' "$DIR/logs/mesh.log" prompted
[ "$PROFILE" != full ] || check 'records of agent sessions come by the MQTT broker' "$DIR/logs/mesh.log; mc system doctor" came_by_broker
check 'a permission prompt is an approval, and its answer reaches the agent' "mc get approvals -m $M" permission_answered
check 'skills are merged, synced, and drift is told' "mc get skills -m $M" skills_taught
check 'an agent session has the skills in its next turn' "$DIR/logs/mesh.log" session_has_skills
check 'a profile is pushed, used, changed, stored' 'mc profile list' profile_carried
check 'the session stops' "$DIR/logs/mesh.log" eval 'mc session stop "$SESSION" && mc wait session "$SESSION" --for state=stopped --timeout 20s'
check 'a node claims a task, its agent asks and finishes it' "mc describe task by-agent -m $M -k work" task_done_by_agent
check 'reserved paths refuse a second reservation and a commit' 'mc get reservations -A' paths_reserved
check 'mc why, capacity, pause, templates' "mc get tasks -m $M -k plan" planned
check 'apply on the server, diff, import' "mc get tasks -m $M -k plan" applied_and_imported
check 'pack: out, in, again, damaged' "mc export mission $M --dry-run" packed
check 'overlapping work is told, refused, acknowledged, accepted' "mc get overlaps -m $M" overlap_prevented
check 'work is found by its words' "mc search retry -m $M" found
check 'doors: overlaps are told and refused' "mc get overlaps -m $M" door_overlap
check 'doors: one text, one score' "mc get overlaps -m $M" door_scores
check 'doors: vectors' 'mc system doctor' door_embeddings
check 'doors: search' "mc search retry -m $M" door_search
check 'doors: docs and artifacts' "mc get docs -m $M" door_docs
check 'doors: skills, profiles, packs' "mc get skills -m $M" door_bundles
check 'doors: keystones' "mc keystone show -m $M" door_keystones
check 'doors: a workspace is loaded, committed, refused, released' "$LOOK" door_workspaces
check 'doors: reservations' "mc get reservations -m $M" door_reservations
check 'doors: publication' "mc persistence status -m $M" door_publications
check 'doors: planning' "mc get tasks -m $M -k plan" door_planning
check 'MCP over stdio lists its tools' 'mc mcp serve' mcp_tools
check 'the ledger verifies: server' "$LOOK" says ok mc ledger verify
check 'the ledger verifies: export, offline' "$LOOK" exported
check 'the ledger verifies: Git' "$LOOK" says ok mc ledger verify --git "$DIR/ledger.git"
check 'a changed event is found' 'the verification is broken' tampered

printf '%d passed, %d failed, %d s\n' "$PASSED" "$FAILED" $((SECONDS - BEGAN))
[ "$FAILED" = 0 ]
