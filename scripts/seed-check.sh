#!/usr/bin/env bash
# Runs the commands that the founding document shows on an installation of its own. A command that reads otherwise here is
# printed with its number in docs/deviations.md, one that is not run with the reason.
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
# Agents' programs that only say that they were started.
for agent in claude codex gemini; do
  printf '#!/bin/sh\necho %s was started\n' "$agent" >"$WORK/bin/$agent"
  chmod 0755 "$WORK/bin/$agent"
done
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
# left REASON COMMAND: not run.
left() { printf 'not run   %s (%s)\n' "$2" "$1"; }
# tool NAME ARGUMENTS: the line of a call of a tool.
tool() { printf "curl -fsS -X POST http://%s/mcp/call -H 'Authorization: Bearer TopSecret' -H 'Content-Type: application/json' -d '%s'" "$MC_HTTP" "{\"tool\":\"$1\",\"args\":$2}"; }
# What the document takes for granted where it searches and loads.
prepare() {
  mc create mission seed && mc create kluster work -m seed && mc create task -m seed -k work --title 'Overlap detection in the importer' &&
    mc get kluster work -m seed -o json >"$WORK/kluster"
}

cd -- "$MC_REPO"
seed 'is up' 'MC_STACK_PROFILE=quickstart bash scripts/dev-up.sh --no-demo'
apart 1 'bash scripts/dev-up.sh'
seed 'installed' 'bash scripts/install-mc.sh --from-target --dir "$HOME/bin"'
left 'builds mc by cargo first, which takes minutes' 'bash scripts/install-mc.sh'
apart 3 'cargo install mc'
apart 15 'bash <(curl -fsSL …/bootstrap-mc.sh)'
apart 15 'irm …/bootstrap-mc.ps1 | iex'
apart 16 '.\scripts\install-mc.ps1'
seed 'database' 'MC_TOKEN="TopSecret" mc system doctor'
seed 'swagger' "curl -fsS http://$MC_HTTP/api/docs/"
if ! is_ci && [ "$(curl -s -o "$WORK/out" -w '%{http_code}' "http://$MC_HTTP/ui/")" = 503 ]; then
  left 'these programs were built without the web UI' "curl -fsS http://$MC_HTTP/ui/"
else
  seed '<title>MissionControl</title>' "curl -fsS http://$MC_HTTP/ui/"
fi
for agent in claude codex gemini; do
  seed "$agent was started" "MC_TOKEN=TopSecret MC_BASE_URL=http://$MC_HTTP mc run $agent"
done
seed 'mcs_' 'MC_TOKEN="TopSecret" mc auth login -o json'
seed 'bootstrap' 'env -u MC_TOKEN mc auth whoami'
seed 'ok' 'env -u MC_TOKEN mc run claude --preflight-only'
seed 'claude was started' 'env -u MC_TOKEN mc run claude'
seed '' 'env -u MC_TOKEN mc auth logout'
apart 2 "curl http://$MC_HTTP/mcp/tools"
seed '"create_task"' "curl -fsS -H 'Authorization: Bearer TopSecret' http://$MC_HTTP/mcp/tools"
prepare >"$WORK/prepared" 2>&1 || die "mission, kluster and task cannot be made" "$(tail -n 1 "$WORK/prepared")"
KLUSTER=$(sed -n 's/^ *"id": "\(klu_[0-9a-f]*\)".*/\1/p' "$WORK/kluster")
seed 'Overlap detection in the importer' "$(tool search_tasks '{"query":"overlap detection","limit":5}')"
seed '"ok":true' "$(tool load_kluster_workspace "{\"kluster_id\":\"$KLUSTER\"}")"
seed ' 0 failed' 'bash scripts/smoke.sh --profile full'
apart 18 'http://localhost:9000, http://localhost:9001'
seed 'loaded' 'set -e; cp .env.example "$HOME/.env"; set -a; source "$HOME/.env"; set +a; echo loaded'
apart 9 'cd integrations/mc-controlplane'
apart 13 'cargo build --release'
apart 17 'cd integrations/mc-controlplane && sqlx migrate run'
left 'does not end by itself; docs/guides/web-ui.md' 'cd web && npm install && npm run dev -- --host 0.0.0.0 --port 5173'
seed 'stopped' 'bash scripts/dev-down.sh'

[ "$FAILED" = 0 ] || die "$FAILED commands of the founding document do not work" "see above"
