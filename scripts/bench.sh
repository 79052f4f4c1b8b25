#!/usr/bin/env bash
# Measures one installation on this machine and prints a table: what was measured, the figure, the goal, the verdict.
# It starts an installation of its own and removes it; nothing else should run meanwhile.
#
#   scripts/bench.sh                     every section
#   scripts/bench.sh startup memory cli  only these
#   scripts/bench.sh --write …           also writes docs/benchmarks.md (optimised programs only)
#
# startup   start of the control plane to /readyz on a migrated database; mc up --detach
# memory    resident size of control plane and node without work; private pages of a shim, with two agent sessions
# cli       mc --help and mc get tasks, end to end
# api       list of 50 tasks over HTTP beside a bare axum handler that runs the same statement by the same driver, in turns
# create    creating tasks on Postgres with fsync, beside pgbench that inserts the same rows of task and ledger, prepared
# ledger    verifying an export of MC_BENCH_EVENTS events (default: 1000000), and making one of them
# detection creating tasks of many words with overlap detection beside creating them without, 16 connections, on SQLite and on
#           Postgres with fsync, when MC_BENCH_SIZES tasks exist (default: 1000 10000; 100000 takes long); search of the queries in
#           benches/data/search (rare and common words, phrases, words of templates, no match) beside an ILIKE scan of the same rows
# delay     from the agent's output to a line of `mc attach`, 500 updates at 100 a second
# streams   an update of an agent until each of MC_BENCH_CLIENTS followers (default: 1000) has it, and what each costs in memory
#
#   scripts/bench.sh overlap [--pairs FILE] [--model DIR] [--held-out] [--fit [--worst N]]
#
# alone, starts nothing: precision, recall and retrieval of overlap detection on labelled pairs (benches/data/overlap), or
# on those of FILE; with a model folder also with its vectors; --held-out is for releases; --fit prints fitted weights.
#
# Each figure is the median of its runs.
#
# MC_BIN_DIR   folder of the programs (default: they are built by the profile ci, all of them optimised)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

export MC_BUILD_PROFILE=ci
BIN=$(bin_dir)
if [ "${1:-}" = overlap ]; then
  # With or without the encoder of a model: as it was built.
  [ -x "$BIN/mc-bench" ] || build_programs mc-bench
  exec "$BIN/mc-bench" "$@"
fi
WRITE='' SECTIONS=()
for argument in "$@"; do
  case $argument in
    --write) WRITE=1 ;;
    startup | memory | cli | api | ledger | create | detection | delay | streams) SECTIONS+=("$argument") ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$argument'" ;;
  esac
done
[ "${#SECTIONS[@]}" -gt 0 ] || SECTIONS=(startup memory cli api ledger create detection delay streams)

require_linux
build_programs mc-bench
PATH=$BIN:$PATH
WORK=$(mktemp -d)
DIR=$WORK/data
finish() {
  local code=$?
  trap - EXIT
  [ -z "${PID:-}" ] || kill "$PID" 2>/dev/null || true
  mc down --data-dir "$DIR" >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export MC_CONFIG=$WORK/config.yaml
# Agents of this installation write down what they send, and when.
export MC_WITNESS=$WORK/witness
unset MC_TOKEN MC_BASE_URL MC_HTTP MC_GRPC MC_MQTT
MISSED=0
ROWS=$WORK/rows
: >"$ROWS"

# row WHAT FIGURE UNIT GOAL (a number that the figure must not exceed, with < in front; not fall below, with >; or -).
row() {
  local verdict='-'
  case $4 in
    '<'*) verdict=$(awk -v f="$2" -v g="${4#<}" 'BEGIN { print (f <= g) ? "met" : "MISSED" }') ;;
    '>'*) verdict=$(awk -v f="$2" -v g="${4#>}" 'BEGIN { print (f >= g) ? "met" : "MISSED" }') ;;
  esac
  [ "$verdict" != MISSED ] || MISSED=1
  printf '| %-58s | %10s %-5s | %8s | %s |\n' "$1" "$2" "$3" "$4" "$verdict" | tee -a "$ROWS"
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# millis COMMAND...: wall time of one run.
millis() {
  local began
  began=$(date +%s%N)
  "$@" >"$WORK/out" 2>&1 || die "'$*' failed" "$(tail -n 1 "$WORK/out")"
  awk -v a="$began" -v b="$(date +%s%N)" 'BEGIN { printf "%.1f\n", (b - a) / 1e6 }'
}
# times N COMMAND...: median of N runs, after one that is not counted.
times() {
  local n=$1
  shift
  millis "$@" >/dev/null
  for _ in $(seq "$n"); do millis "$@"; done | median
}
pid_of() { read_pid_file "$DIR/run/$1.pid" && printf '%s\n' "$RUN_PID"; }
rss_mib() { awk '/^VmRSS:/ { printf "%.1f\n", $2 / 1024 }' "/proc/$1/status"; }
private_mib() { awk '/^Private_Dirty:/ { printf "%.2f\n", $2 / 1024 }' "/proc/$1/smaps_rollup"; }
up() { mc up --detach --data-dir "$DIR" --http 127.0.0.1:0; }
down() { mc down --data-dir "$DIR" >/dev/null 2>&1; }

# The control plane alone: from its start until /readyz answers 200, seen without curl.
start_to_ready() {
  local began address pid
  rm -f -- "$DIR/run/endpoints.json"
  began=$(date +%s%N)
  mc-controlplane --data-dir "$DIR" --http 127.0.0.1:0 2>"$WORK/start.log" &
  pid=$!
  until [ -s "$DIR/run/endpoints.json" ]; do
    kill -0 "$pid" 2>/dev/null || die "the control plane ended at its start" "$(tail -n 1 "$WORK/start.log")"
    sleep 0.002
  done
  address=$(sed -n 's|.*"http": "http://\([^"]*\)".*|\1|p' "$DIR/run/endpoints.json")
  until bash -c 'exec 3<>"/dev/tcp/${0%:*}/${0##*:}"; printf "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" >&3; read -r _ s _ <&3; [ "$s" = 200 ]' "$address" 2>/dev/null; do :; done
  awk -v a="$began" -v b="$(date +%s%N)" 'BEGIN { printf "%.1f\n", (b - a) / 1e6 }'
  kill "$pid"
  wait "$pid" || true
}

section_startup() {
  down
  row 'control plane: start to /readyz, migrated database' "$(for _ in 1 2 3 4 5; do start_to_ready; done | median)" ms '<300'
  row 'mc up --detach: control plane, node joined' "$(for _ in 1 2 3; do down && millis up; done | median)" ms -
}

section_memory() {
  local session file pid shims=()
  down && up >/dev/null
  sleep 3 # without work: what the start allocated is given back
  row 'control plane, resident' "$(rss_mib "$(pid_of controlplane)")" MiB '<64'
  row 'node daemon, resident' "$(rss_mib "$(pid_of mesh)")" MiB '<20'
  row 'supervisor, resident' "$(rss_mib "$(pid_of supervisor)")" MiB -
  for _ in 1 2; do
    session=$(mc create session -m bench --runtime scripted -o json | sed -n 's/^ *"id": "\(.*\)",\{0,1\}$/\1/p' | head -n 1)
    mc wait session "$session" --for state=idle --timeout 30s >/dev/null
    file=$DIR/node/sessions/$session/meta.json
    shims+=("$(sed -n 's/.*"shim_pid": *\([0-9]*\).*/\1/p' "$file")")
  done
  row 'shim, private pages (two agent sessions)' "$(for pid in "${shims[@]}"; do private_mib "$pid"; done | median)" MiB '<3'
}

section_cli() {
  row 'mc --help' "$(times 20 mc --help)" ms '<10'
  row 'mc get tasks (50 tasks)' "$(times 20 mc get tasks -m bench --limit 50)" ms '<25'
}

# number NAME: a member of the JSON object on standard input.
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
base_url() { sed -n 's|.*"http": "\([^"]*\)".*|\1|p' "$DIR/run/endpoints.json"; }

section_api() {
  local bare mission product=() handler=() round own other
  mission=$(mc get mission bench -o json | sed -n 's/^ *"id": "\(.*\)",$/\1/p' | head -n 1)
  # It ends when this script closes its input.
  exec 9> >(mc-bench bare --database "sqlite:$DIR/missioncontrol.db" --mission "$mission" >"$WORK/bare")
  until [ -s "$WORK/bare" ]; do sleep 0.05; done
  bare=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$WORK/bare")
  for round in 1 2 3; do
    handler+=("$(mc-bench load "$bare" --seconds 3 | number per_second)")
    product+=("$(mc-bench load "$(base_url)/api/v1/tasks?mission=bench&limit=50" --token-file "$DIR/token" --seconds 3 | number per_second)")
  done
  exec 9>&-
  [ "${#product[@]}" = "$round" ] || die "the load did not run" "run it again with the machine idle"
  own=$(printf '%s\n' "${product[@]}" | median) other=$(printf '%s\n' "${handler[@]}" | median)
  row 'list of 50 tasks, 8 connections' "$(awk -v a="$own" 'BEGIN { printf "%.0f\n", a }')" req/s -
  row 'bare handler, same statement and driver' "$(awk -v a="$other" 'BEGIN { printf "%.0f\n", a }')" req/s -
  row 'list of 50 tasks, share of the bare handler' "$(awk -v a="$own" -v b="$other" 'BEGIN { printf "%.1f\n", int(1000 * a / b) / 10 }')" % '>40'
}

section_ledger() {
  local made times=() round began
  made=$(mc-bench ledger "$WORK/export.jsonl" --events "${MC_BENCH_EVENTS:-1000000}")
  row 'event for the ledger: canonical body, digests, hash' "$(printf '%s' "$made" | number append_us | awk '{ printf "%.1f", $1 }')" us '<50'
  for round in 1 2 3; do
    began=$(date +%s%N)
    mc ledger verify --file "$WORK/export.jsonl" >/dev/null
    times+=("$(($(date +%s%N) - began))")
  done
  [ "${#times[@]}" = "$round" ] || die "the export was not verified" "run it again"
  row "verify an export of ${MC_BENCH_EVENTS:-1000000} events" "$(printf '%s\n' "${times[@]}" | median | awk '{ printf "%.2f", $1 / 1e9 }')" s '<2'
  rm -- "$WORK/export.jsonl"
}

# insert_sql POSTINGS TERMS SUGGESTIONS: what the server writes for a task, as pgbench runs it. Its own numbers of keys never reach these.
insert_sql() {
  cat <<'SQL'
BEGIN;
INSERT INTO task (task_id, organization_id, mission_id, kluster_id, task_key, title, description, definition_of_done, state, priority,
    capabilities, paths, open_dependency_count, on_dependency_failure, review_gates, reviewers, attempt, max_attempts, labels, annotations,
    version, created_by, created_at, updated_at)
  SELECT gen_random_uuid(), k.organization_id, k.mission_id, k.kluster_id, 'bench-' || gen_random_uuid(), 'Task 1', '', '', 'ready', 50,
    '[]', '[]', 0, 'block', 0, '[]', 0, 3, '{}', '{}', 1, k.created_by, 1, 1 FROM kluster k LIMIT 1;
INSERT INTO ledger_event (event_id, organization_id, mission_id, action, subject_kind, subject_id, principal_id, request_id, occurred_at, body, body_sha256)
  SELECT gen_random_uuid(), k.organization_id, k.mission_id, 'task.create', 'task', gen_random_uuid()::text, k.created_by, gen_random_uuid()::text, 1,
    repeat('x', 900), repeat('0', 64) FROM kluster k LIMIT 1;
SQL
  if [ "$1" -gt 0 ]; then
    cat <<SQL
WITH made AS (INSERT INTO search_document (organization_id, mission_id, kluster_id, subject_kind, subject_id, title, body, paths, done, terms,
    index_version, look, created_at, updated_at)
  SELECT k.organization_id, k.mission_id, k.kluster_id, 'task', gen_random_uuid(), repeat('t', 60), repeat('b', 200), '[]', false, repeat('1', 1200),
    1, 0, 1, 1 FROM kluster k LIMIT 1 RETURNING document_no)
INSERT INTO search_posting (term, mission, document_no) SELECT DISTINCT floor(random() * $2)::bigint, 1, document_no FROM made, generate_series(1, $1);
SQL
  fi
  if [ "$3" -gt 0 ]; then
    cat <<SQL
INSERT INTO overlap_suggestion (suggestion_id, organization_id, subject_kind, subject_id, subject_key, subject_title, mission_id, candidate_kind,
    candidate_id, candidate_key, candidate_title, candidate_mission_id, candidate_done, score, lexical, vector, action, evidence, acknowledged,
    state, version, created_at, updated_at)
  SELECT gen_random_uuid(), k.organization_id, 'task', gen_random_uuid(), 'bench-1', repeat('t', 60), k.mission_id, 'task', gen_random_uuid(),
    'bench-2', repeat('t', 60), k.mission_id, false, 500, 500, 500, 'link', repeat('e', 300), false, 'open', 1, 1, 1
  FROM (SELECT * FROM kluster LIMIT 1) k, generate_series(1, $3);
INSERT INTO ledger_event (event_id, organization_id, mission_id, action, subject_kind, subject_id, principal_id, request_id, occurred_at, body, body_sha256)
  SELECT gen_random_uuid(), k.organization_id, k.mission_id, 'overlap.open', 'overlap', gen_random_uuid()::text, k.created_by, gen_random_uuid()::text, 1,
    repeat('x', 300), repeat('0', 64) FROM (SELECT * FROM kluster LIMIT 1) k, generate_series(1, $3);
SQL
  fi
  echo 'COMMIT;'
}

# Creation beside pgbench with the same rows: without overlap detection, and as it is shipped.
section_create() {
  create_beside_pgbench off 'Task {n}' '' ', no detection'
  create_beside_pgbench on '{title}' '{text}' ''
}

create_beside_pgbench() {
  local url base pid pg task='' product=() baseline=() own other postings=0 terms=0 suggestions=0
  pg=${MC_PG_BIN:-/usr/lib/postgresql/15/bin}
  "$MC_REPO/scripts/postgres-dev.sh" start --fsync on >"$WORK/pg.log" 2>&1 || die "Postgres did not start" "$(tail -n 2 "$WORK/pg.log")"
  base=$("$MC_REPO/scripts/postgres-dev.sh" url)
  "$pg/psql" -qX "$base" -c 'DROP DATABASE IF EXISTS mc_bench WITH (FORCE)' -c 'CREATE DATABASE mc_bench' 2>"$WORK/pg.log" || die "no database for the bench" "$(cat "$WORK/pg.log")"
  url=${base%/*}/mc_bench
  rm -rf -- "$WORK/pg"
  MC_OVERLAP_DETECTION=$1 mc-controlplane --data-dir "$WORK/pg" --http 127.0.0.1:0 --database "$url" 2>"$WORK/pg.log" &
  pid=$!
  until [ -s "$WORK/pg/run/endpoints.json" ]; do
    kill -0 "$pid" 2>/dev/null || die "the control plane ended at its start" "$(tail -n 1 "$WORK/pg.log")"
    sleep 0.05
  done
  own=$(sed -n 's/.*"http": "\([^"]*\)".*/\1/p' "$WORK/pg/run/endpoints.json")
  MC_BASE_URL=$own mc --token-file "$WORK/pg/token" create mission bench >/dev/null
  MC_BASE_URL=$own mc --token-file "$WORK/pg/token" create kluster work -m bench >/dev/null
  task="{\"mission\":\"bench\",\"kluster\":\"work\",\"title\":\"$2\",\"description\":\"$3\"}"
  # Both begin with tables that are not empty.
  mc-bench load "$own/api/v1/tasks" --post "$task" --token-file "$WORK/pg/token" --seconds 2 >/dev/null
  if [ "$1" = on ]; then
    postings=$("$pg/psql" -qtAX "$url" -c 'SELECT (SELECT COUNT(*) FROM search_posting) / (SELECT COUNT(*) FROM task)')
    terms=$("$pg/psql" -qtAX "$url" -c 'SELECT COUNT(DISTINCT term) FROM search_posting')
    suggestions=$("$pg/psql" -qtAX "$url" -c 'SELECT (SELECT COUNT(*) FROM overlap_suggestion) / (SELECT COUNT(*) FROM task)')
  fi
  insert_sql "$postings" "$terms" "$suggestions" >"$WORK/insert.sql"
  for _ in 1 2 3; do
    product+=("$(mc-bench load "$own/api/v1/tasks" --post "$task" --token-file "$WORK/pg/token" --seconds 4 | number per_second)")
    # pgbench alone: the server's sequencer must not seal the rows of the baseline meanwhile.
    kill -STOP "$pid"
    baseline+=("$("$pg/pgbench" -n -M prepared -c 8 -j 2 -T 4 -f "$WORK/insert.sql" "$url" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')")
    "$pg/psql" -qX "$url" -c "DELETE FROM ledger_event WHERE body_sha256 = repeat('0', 64)" -c 'DELETE FROM task WHERE created_at = 1' \
      -c "DELETE FROM overlap_suggestion WHERE subject_key = 'bench-1' AND created_at = 1" -c 'DELETE FROM search_posting WHERE mission = 1' -c 'DELETE FROM search_document WHERE created_at = 1' -c 'VACUUM'
    kill -CONT "$pid"
  done
  kill "$pid"
  wait "$pid" || true
  "$pg/psql" -qX "$base" -c 'DROP DATABASE mc_bench WITH (FORCE)'
  "$MC_REPO/scripts/postgres-dev.sh" start --fsync off >"$WORK/pg.log" 2>&1 || die "Postgres did not start" "$(tail -n 2 "$WORK/pg.log")"
  own=$(printf '%s\n' "${product[@]}" | median) other=$(printf '%s\n' "${baseline[@]}" | median)
  row "create task, Postgres with fsync, 8 connections$4" "$(awk -v a="$own" 'BEGIN { printf "%.0f\n", a }')" /s -
  row "pgbench, the same rows ($((2 + (postings > 0) + postings + 2 * suggestions))), 8 connections$4" "$(awk -v a="$other" 'BEGIN { printf "%.0f\n", a }')" /s -
  row "create task, share of pgbench$4" "$(awk -v a="$own" -v b="$other" 'BEGIN { printf "%.1f\n", int(1000 * a / b) / 10 }')" % '>25'
}

# serve DATA URL on|off: a control plane of its own; sets OWN and PID.
serve() {
  rm -f -- "$1/run/endpoints.json"
  MC_OVERLAP_DETECTION=$3 mc-controlplane --data-dir "$1" --http 127.0.0.1:0 --mqtt none --database "$2" 2>"$WORK/serve.log" &
  PID=$!
  until [ -s "$1/run/endpoints.json" ]; do
    kill -0 "$PID" 2>/dev/null || die "the control plane ended at its start" "$(tail -n 1 "$WORK/serve.log")"
    sleep 0.05
  done
  OWN=$(sed -n 's/.*"http": "\([^"]*\)".*/\1/p' "$1/run/endpoints.json")
}
unserve() {
  kill "$PID" 2>/dev/null || true
  wait "$PID" 2>/dev/null || true
  PID=
}

# settled DATA: waits until every text has its vector, and nothing new waits.
settled() {
  local quiet=0
  until [ "$quiet" = 3 ]; do
    sleep 1
    case $(MC_BASE_URL=$OWN mc --token-file "$1/token" system embeddings -o json) in
      *'"waiting": 0,'*) quiet=$((quiet + 1)) ;;
      *) quiet=0 ;;
    esac
  done
}
# listed DATA MISSION: lists of 50 tasks of a mission per second.
listed() { mc-bench load "$OWN/api/v1/tasks?mission=$2&limit=50" --token-file "$1/token" --seconds 2 | number per_second; }

section_detection() {
  local few=() many=() name url data pg=${MC_PG_BIN:-/usr/lib/postgresql/15/bin} base size have task answer with without scan found searches goal
  task='{"mission":"bench","kluster":"work","title":"{title}","description":"{text}"}'
  "$MC_REPO/scripts/postgres-dev.sh" start --fsync on >"$WORK/pg.log" 2>&1 || die "Postgres did not start" "$(tail -n 2 "$WORK/pg.log")"
  base=$("$MC_REPO/scripts/postgres-dev.sh" url)
  for name in SQLite Postgres; do
    data=$WORK/detection-$name have=0
    url=sqlite:$data/tasks.db
    if [ "$name" = Postgres ]; then
      "$pg/psql" -qX "$base" -c 'DROP DATABASE IF EXISTS mc_bench WITH (FORCE)' -c 'CREATE DATABASE mc_bench' 2>"$WORK/pg.log" || die "no database for the bench" "$(cat "$WORK/pg.log")"
      url=${base%/*}/mc_bench
    fi
    mkdir -p -- "$data"
    serve "$data" "$url" on
    MC_BASE_URL=$OWN mc --token-file "$data/token" create mission bench >/dev/null
    MC_BASE_URL=$OWN mc --token-file "$data/token" create kluster work -m bench >/dev/null
    # A mission with no more than a page, beside the one that grows: what is searched is more than one mission too.
    MC_BASE_URL=$OWN mc --token-file "$data/token" create mission few >/dev/null
    MC_BASE_URL=$OWN mc --token-file "$data/token" create kluster work -m few >/dev/null
    have=0
    answer=$(mc-bench load "$OWN/api/v1/tasks" --post "${task/bench/few}" --token-file "$data/token" --connections 1 --requests 50)
    for size in ${MC_BENCH_SIZES:-1000 10000}; do
      answer=$(mc-bench load "$OWN/api/v1/tasks" --post "$task" --token-file "$data/token" --connections 16 --seconds 600 --requests $((size - have)))
      have=$size
      answer=$(mc-bench load "$OWN/api/v1/tasks" --post "$task" --token-file "$data/token" --connections 16 --seconds 4)
      have=$((have + $(printf '%s' "$answer" | number requests)))
      with=$(printf '%s' "$answer" | number per_second)
      row "$name, $size tasks: create with detection" "$(printf '%.0f' "$with")" /s -
      row "$name, $size tasks: create with detection, p99" "$(printf '%s' "$answer" | number p99_ms | awk '{ printf "%.1f", $1 }')" ms -
      settled "$data"
      few=() many=()
      for _ in 1 2 3; do
        few+=("$(listed "$data" few)")
        many+=("$(listed "$data" bench)")
      done
      row "$name, $size tasks: list of 50, share of a list of 50 of 50" "$(awk -v a="$(printf '%s\n' "${many[@]}" | median)" -v b="$(printf '%s\n' "${few[@]}" | median)" 'BEGIN { printf "%.1f", 100 * a / b }')" % '>90'
      found=$(mc-bench load "$OWN/api/v1/search?limit=20" --queries "$MC_REPO/benches/data/search/queries.txt" --token-file "$data/token" --seconds 3)
      searches=$(printf '%s' "$found" | number per_second)
      row "$name, $size tasks: search, 8 connections" "$(printf '%s' "$found" | number per_second | awk '{ printf "%.0f", $1 }')" /s -
      row "$name, $size tasks: search, p99" "$(printf '%s' "$found" | number p99_ms | awk '{ printf "%.1f", $1 }')" ms -
      # Beside it without a queue: as many at once as there are processors, of which the one that asks takes a part too.
      found=$(mc-bench load "$OWN/api/v1/search?limit=20" --queries "$MC_REPO/benches/data/search/queries.txt" --token-file "$data/token" --connections "$(nproc)" --seconds 3)
      row "$name, $size tasks: search, p99 with $(nproc) connections" "$(printf '%s' "$found" | number p99_ms | awk '{ printf "%.1f", $1 }')" ms '<30'
      unserve
      serve "$data" "$url" off
      answer=$(mc-bench load "$OWN/api/v1/tasks" --post "$task" --token-file "$data/token" --connections 16 --seconds 4)
      have=$((have + $(printf '%s' "$answer" | number requests)))
      without=$(printf '%s' "$answer" | number per_second)
      row "$name, $size tasks: create without" "$(printf '%.0f' "$without")" /s -
      row "$name, $size tasks: create without, p99" "$(printf '%s' "$answer" | number p99_ms | awk '{ printf "%.1f", $1 }')" ms -
      row "$name, $size tasks: share of create without" "$(awk -v a="$with" -v b="$without" 'BEGIN { printf "%.1f\n", int(1000 * a / b) / 10 }')" % '>25'
      if [ "$name" = Postgres ]; then
        printf "SELECT task_key FROM task WHERE title ILIKE '%%kamiten%%' OR description ILIKE '%%kamiten%%' LIMIT 20;\n" >"$WORK/scan.sql"
        scan=$("$pg/pgbench" -n -M prepared -c 8 -j 2 -T 3 -f "$WORK/scan.sql" "$url" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
        row "$name, $size tasks: ILIKE scan in pgbench" "$(printf '%.0f' "$scan")" /s -
        goal=-
        [ "$size" -lt 100000 ] || goal='>40'
        row "$name, $size tasks: searches for one ILIKE scan" "$(awk -v a="$searches" -v b="$scan" 'BEGIN { printf "%.1f", a / b }')" x "$goal"
      fi
      unserve
      serve "$data" "$url" on
      settled "$data"
    done
    unserve
  done
  "$pg/psql" -qX "$base" -c 'DROP DATABASE mc_bench WITH (FORCE)'
  "$MC_REPO/scripts/postgres-dev.sh" start --fsync off >"$WORK/pg.log" 2>&1 || die "Postgres did not start" "$(tail -n 2 "$WORK/pg.log")"
}

section_delay() {
  local session
  session=$(mc create session -m bench --runtime scripted -o json | sed -n 's/^ *"id": "\(.*\)",\{0,1\}$/\1/p' | head -n 1)
  mc wait session "$session" --for state=idle --timeout 30s >/dev/null
  mc-bench delay --url "$(base_url)" --token-file "$DIR/token" --session "$session" --witness "$MC_WITNESS" --attach "$BIN/mc" >"$WORK/delay"
  row 'agent update to mc attach line, p50' "$(awk -v a="$(number p50_ms <"$WORK/delay")" 'BEGIN { printf "%.1f\n", a }')" ms -
  row 'agent update to mc attach line, p99' "$(awk -v a="$(number p99_ms <"$WORK/delay")" 'BEGIN { printf "%.1f\n", a }')" ms '<120'
}

# The same for many at once.
section_streams() {
  local session clients=${MC_BENCH_CLIENTS:-1000}
  session=$(mc create session -m bench --runtime scripted -o json | sed -n 's/^ *"id": "\(.*\)",\{0,1\}$/\1/p' | head -n 1)
  mc wait session "$session" --for state=idle --timeout 30s >/dev/null
  mc-bench delay --url "$(base_url)" --token-file "$DIR/token" --session "$session" --witness "$MC_WITNESS" --clients "$clients" --chunks 50 --rate 2 \
    --server "$(pid_of controlplane)" >"$WORK/delay"
  row "agent update to each of $clients followers, p99" "$(awk -v a="$(number p99_ms <"$WORK/delay")" 'BEGIN { printf "%.1f\n", a }')" ms '<120'
  row "processor time of the control plane for each update and follower" "$(number processor_us_each <"$WORK/delay")" us -
  row "memory of the control plane for each follower" "$(number kilobytes_each <"$WORK/delay")" kB '<100'
}

up >/dev/null
mc create mission bench >/dev/null
mc create kluster work -m bench >/dev/null
for n in $(seq 50); do mc create task -m bench -k work --title "Task $n" >/dev/null; done
printf '| %-58s | %16s | %8s | %s |\n|---|---|---|---|\n' what figure goal verdict
for section in "${SECTIONS[@]}"; do "section_$section"; done

if [ -n "$WRITE" ]; then
  # The programs of an unoptimised build are many times larger and slower.
  [ "$(stat -c %s -L "$BIN/mc-controlplane")" -lt 104857600 ] || die "$BIN holds no optimised programs" "scripts/dev-up.sh --no-demo builds them"
  # What others measure stands below (`npm run bench -- --write` in web/): it stays.
  OTHERS=
  [ ! -f "$MC_REPO/docs/benchmarks.md" ] || OTHERS=$(sed -n '/^The web UI, /,$p' "$MC_REPO/docs/benchmarks.md")
  {
    printf '# Benchmarks\n\nWritten by `scripts/bench.sh --write` on %s processors, %s, build %s.\n\n' "$(nproc)" "$(uname -sr)" "$(mc --version | awk '{ print $2 }')"
    printf '| what | figure | goal | verdict |\n|---|---|---|---|\n'
    sed 's/  */ /g' "$ROWS"
    [ -z "$OTHERS" ] || printf '\n%s\n' "$OTHERS"
  } >"$WORK/benchmarks.md"
  cp -- "$WORK/benchmarks.md" "$MC_REPO/docs/benchmarks.md"
  say "wrote docs/benchmarks.md"
fi
[ "$MISSED" = 0 ] || die "a goal was missed" "see the table; other load on this machine falsifies it"
