#!/usr/bin/env bash
# Screenshots of every screen of the web UI, in both themes and on a phone, of a real installation with real agents that
# is made for it and removed.
#
#   scripts/screenshots.sh [FOLDER] [SCREEN,SCREEN…]     default folder: web/shots
#
# MC_BIN_DIR   use the programs in this folder and build nothing
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  -*) usage_error "unknown argument '$1'" ;;
esac
FOLDER=${1:-$MC_REPO/web/shots}
mkdir -p -- "$FOLDER"
FOLDER=$(cd -- "$FOLDER" && pwd -P)
need_node || die "Node $MC_NODE_MIN or newer is missing and could not be installed"
need_chromium || die "chromium is missing and could not be installed" "apt-get install chromium"
"$MC_SCRIPTS/build-ui.sh"
build_programs
cd -- "$MC_REPO/web"
MC_BIN_DIR=$(bin_dir) node e2e/shots.mjs "$FOLDER" "${2:-}"
say "screenshots are in $FOLDER"
