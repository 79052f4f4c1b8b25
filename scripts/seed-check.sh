#!/usr/bin/env bash
# Runs the commands that the founding document shows, as far as they are built, on an installation of its own. A command
# that reads otherwise here, or waits for a later part, is printed with its number in docs/deviations.md or the reason.
#
#   scripts/seed-check.sh
#
# MC_BIN_DIR   folder of the programs (default: where scripts/dev-up.sh builds)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  '') ;;
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) usage_error "unknown argument '$1'" ;;
esac

require_linux
need_cmd curl
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc" "build it: scripts/dev-up.sh --no-demo"
WORK=$(mktemp -d)
finish() {
  local code=$?
  trap - EXIT
  "$BIN/mc" down --data-dir "$WORK/data" >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export HOME=$WORK/home MC_CONFIG=$WORK/config.yaml MC_DATA_DIR=$WORK/data MC_BIN_DIR=$BIN PATH=$WORK/bin:$BIN:$PATH
mkdir -p -- "$HOME" "$WORK/bin"
# An agent's program that only says that it was started.
printf '#!/bin/sh\necho started\n' >"$WORK/bin/claude"
chmod 0755 "$WORK/bin/claude"
unset MC_BASE_URL MC_GRPC MC_MQTT MC_STACK_PROFILE
PORT=$(bash -c 'exec 3<>/dev/null; for p in $(seq 18200 18299); do (: </dev/tcp/127.0.0.1/$p) 2>/dev/null || { echo "$p"; break; }; done')
export MC_HTTP=127.0.0.1:$PORT MC_TOKEN=TopSecret

FAILED=0
# seed EXPECT COMMAND: the line as the document shows it (its port and host aside); its output has EXPECT.
seed() {
  local code=0
  bash -c "$2" >"$WORK/out" 2>&1 </dev/null || code=$?
  if [ "$code" = 0 ] && grep -qF -- "$1" "$WORK/out"; then
    printf 'ok        %s\n' "$2"
    return 0
  fi
  FAILED=$((FAILED + 1))
  printf 'FAILED    %s (exit code %s)\n' "$2" "$code"
  sed -n '1,6s/^/          said: /p' "$WORK/out"
}
# apart NUMBER COMMAND: shown in the document, different here.
apart() { printf 'differs   %s (docs/deviations.md, %s)\n' "$2" "$1"; }
# later PART COMMAND
later() { printf 'later     %s (%s)\n' "$2" "$1"; }

cd -- "$MC_REPO"
seed 'is up' 'MC_STACK_PROFILE=quickstart bash scripts/dev-up.sh --no-demo'
apart 1 'bash scripts/dev-up.sh'
seed 'database' 'MC_TOKEN="TopSecret" mc system doctor'
seed 'swagger' "curl -fsS http://$MC_HTTP/api/docs/"
later 'web UI' "open http://$MC_HTTP/ui/"
seed 'mcs_' 'MC_TOKEN="TopSecret" mc auth login -o json'
seed 'bootstrap' 'env -u MC_TOKEN mc auth whoami'
seed '' 'mc run claude --preflight-only'
seed 'started' 'mc run claude'
seed '' 'env -u MC_TOKEN mc auth logout'
apart 2 "curl http://$MC_HTTP/mcp/tools"
seed '"create_task"' "curl -fsS -H 'Authorization: Bearer TopSecret' http://$MC_HTTP/mcp/tools"
seed '"ok":true' "curl -fsS -X POST http://$MC_HTTP/mcp/call -H 'Authorization: Bearer TopSecret' -H 'Content-Type: application/json' -d '{\"tool\":\"list_tasks\",\"args\":{\"limit\":5}}'"
later 'search' "mcp/call search_tasks"
later 'kluster workspace' "mcp/call load_kluster_workspace"
seed ' 0 failed' 'bash scripts/smoke.sh --profile full'
apart 9 'cd integrations/mc-controlplane && cargo build --release'
seed 'stopped' 'bash scripts/dev-down.sh'

[ "$FAILED" = 0 ] || die "$FAILED commands of the founding document do not work" "see above"
