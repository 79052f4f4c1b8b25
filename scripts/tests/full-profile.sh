#!/usr/bin/env bash
# The profile full as a newcomer meets it, in a folder of its own that is removed afterwards: started, started again, its parts
# killed and started again, walked through by the smoke test, ended; nothing may be left running and no data lost.
#
#   scripts/tests/full-profile.sh
#
# MC_BIN_DIR   folder of the programs (default: where scripts/dev-up.sh builds)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)/../lib.sh"
# shellcheck source=scripts/full-profile.sh
. "$MC_SCRIPTS/full-profile.sh"

case ${1:-} in
  '') ;;
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) usage_error "unknown argument '$1'" ;;
esac

require_linux
WORK=$(mktemp -d)
unset MC_TOKEN MC_BASE_URL MC_GRPC MC_MQTT MC_DATABASE_URL MC_STACK_PROFILE "${!MC_OBJECT_STORAGE_@}" "${!MC_MQTT_BROKER_@}"
MC_BIN_DIR=$(bin_dir)
export MC_BIN_DIR MC_DATA_DIR=$WORK/data MC_HTTP=127.0.0.1:0 MC_CONFIG=$WORK/config.yaml MC_PG_FALLBACK=${TMPDIR:-/tmp}
finish() {
  local code=$?
  trap - EXIT
  "$MC_SCRIPTS/dev-down.sh" --profile full >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  full_remove "$MC_DATA_DIR" >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mc() { "$MC_BIN_DIR/mc" "$@"; }
part_pids() {
  _full_s3 "$MC_DATA_DIR" status 2>/dev/null | sed -n 's/.*pid=\([0-9]*\).*/\1/p'
  _full_mosquitto "$MC_DATA_DIR" status 2>/dev/null | sed -n 's/.*pid=\([0-9]*\).*/\1/p'
  _full_postgres "$MC_DATA_DIR" status 2>/dev/null | sed -n 's/.*pid=\([0-9]*\).*/\1/p'
}
# tasks_done: how many there are, as the installation says.
tasks_done() { mc get tasks -A -o json | grep -c '"state": "done"'; }

"$MC_SCRIPTS/dev-up.sh" --profile full
DONE=$(tasks_done)
[ "$DONE" -ge 2 ] || die "the demo left $DONE finished tasks" "read its output above"

say 'again, while it runs'
BEFORE=$(part_pids)
[ "$(wc -l <<<"$BEFORE")" = 3 ] || die "there are not three parts: $BEFORE" "read the output above"
"$MC_SCRIPTS/dev-up.sh" --profile full --no-demo 2>"$WORK/again"
grep -q 'it runs already' "$WORK/again" || die "the second start did not see the first" "$(tail -n 3 "$WORK/again")"
[ "$(part_pids)" = "$BEFORE" ] || die "the second start has other parts: $(part_pids)" "it must leave them alone"
if MC_STACK_PROFILE=quickstart "$MC_SCRIPTS/dev-up.sh" --no-demo 2>"$WORK/again"; then
  die "the other profile was started in the same folder" "dev-up.sh must refuse it"
fi
grep -q 'of the profile full' "$WORK/again" || die "the other profile was refused for another reason" "$(cat "$WORK/again")"

say 'the parts are killed and started again; what was stored is there'
for pid in $BEFORE; do kill -KILL "$pid"; done
"$MC_SCRIPTS/dev-up.sh" --profile full --no-demo
for _ in $(seq 100); do
  [ "$(tasks_done 2>/dev/null)" != "$DONE" ] || break
  sleep 0.3
done
[ "$(tasks_done)" = "$DONE" ] || die "$(tasks_done) finished tasks instead of $DONE after kill -9" "$MC_DATA_DIR/logs/controlplane.log"
# The program compares the digest.
for artifact in $(mc get artifacts -m apollo -o name); do
  rm -f -- "$WORK/bytes" && mc artifact get "${artifact#*/}" -m apollo --file "$WORK/bytes" >/dev/null
done
"$MC_SCRIPTS/smoke.sh" --profile full --running

say 'ended and started: nothing left running, nothing lost'
DONE=$(tasks_done)
PIDS=$(part_pids)
"$MC_SCRIPTS/dev-down.sh"
for pid in $PIDS; do
  ! proc_start_time "$pid" >/dev/null || die "process $pid still runs after dev-down.sh" "look at it with ps"
done
"$MC_SCRIPTS/dev-up.sh" --profile full --no-demo
[ "$(tasks_done)" = "$DONE" ] || die "$(tasks_done) finished tasks instead of $DONE after a new start" "$MC_DATA_DIR/logs/controlplane.log"
say "the profile full works: $SECONDS s"
