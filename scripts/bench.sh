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
# api       list of 50 tasks over HTTP (needs wrk)
#
# Each figure is the median of its runs. The comparison of the API with a bare handler and with pgbench is not built.
#
# MC_BIN_DIR   folder of the programs (default: where scripts/dev-up.sh builds)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

WRITE='' SECTIONS=()
for argument in "$@"; do
  case $argument in
    --write) WRITE=1 ;;
    startup | memory | cli | api) SECTIONS+=("$argument") ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$argument'" ;;
  esac
done
[ "${#SECTIONS[@]}" -gt 0 ] || SECTIONS=(startup memory cli api)

require_linux
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc" "build it: scripts/dev-up.sh --no-demo"
PATH=$BIN:$PATH
WORK=$(mktemp -d)
DIR=$WORK/data
finish() {
  local code=$?
  trap - EXIT
  mc down --data-dir "$DIR" >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export MC_CONFIG=$WORK/config.yaml
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

section_api() {
  local address token
  have wrk || { row 'list of 50 tasks: wrk is not installed' - '' - && return; }
  address=$(sed -n 's|.*"http": "http://\([^"]*\)".*|\1|p' "$DIR/run/endpoints.json")
  token=$(cat -- "$DIR/token")
  wrk -t1 -c8 -d5s -H "Authorization: Bearer $token" "http://$address/api/v1/tasks?mission=bench&limit=50" >"$WORK/wrk"
  ! grep -q 'Non-2xx' "$WORK/wrk" || die "the list was refused under load" "$(grep Non-2xx "$WORK/wrk")"
  row 'list of 50 tasks, 8 connections' "$(awk '/^Requests\/sec/ { print $2 }' "$WORK/wrk")" req/s -
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
  {
    printf '# Benchmarks\n\nWritten by `scripts/bench.sh --write` on %s processors, %s, build %s.\n\n' "$(nproc)" "$(uname -sr)" "$(mc --version | awk '{ print $2 }')"
    printf '| what | figure | goal | verdict |\n|---|---|---|---|\n'
    sed 's/  */ /g' "$ROWS"
    printf '\nNot measured: the API beside a bare handler with the same statement, creating tasks beside pgbench, the delay of an agent update.\n'
  } >"$MC_REPO/docs/benchmarks.md"
  say "wrote docs/benchmarks.md"
fi
[ "$MISSED" = 0 ] || die "a goal was missed" "see the table; other load on this machine falsifies it"
