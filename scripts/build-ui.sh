#!/usr/bin/env bash
# Builds the web UI into web/dist, from where the next build of the control plane takes it. Nothing is done when nothing
# changed. Installs Node when it is missing. Says in two lines what was built; what the tools print is shown when they fail.
#
#   scripts/build-ui.sh          build what changed
#   scripts/build-ui.sh --anew   build in any case
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

ANEW=''
for argument in "$@"; do
  case $argument in
    --anew) ANEW=1 ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$argument'" ;;
  esac
done

cd -- "$MC_REPO/web"
BUILT=dist/index.html
SOURCES=(src static tools package.json package-lock.json svelte.config.js vite.config.ts tsconfig.json)
if [ -z "$ANEW" ] && [ -e "$BUILT" ] && [ -z "$(find "${SOURCES[@]}" -newer "$BUILT" -print -quit)" ]; then
  exit 0
fi
need_node || die "Node $MC_NODE_MIN or newer is missing and could not be installed" "install it, then run scripts/build-ui.sh again"

LOG=$(mktemp)
trap 'rm -f -- "$LOG"' EXIT
# quietly WHAT FIX COMMAND…: what a command prints is shown only when it fails.
quietly() {
  local what=$1 fix=$2
  shift 2
  "$@" </dev/null >"$LOG" 2>&1 && return 0
  sed 's/^/  /' "$LOG" >&2
  die "$what" "$fix"
}

say "building the web UI with node $(_node_version)"
START=$SECONDS
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  quietly "npm could not install what the web UI is built with" "check the network and 'npm ping', then run this again" \
    npm ci --loglevel error --no-audit --no-fund --no-update-notifier
fi
quietly "the web UI could not be built" "read the messages above" npm run --silent build
say "  web/dist: $(tail -n 1 "$LOG"); $((SECONDS - START)) s"
