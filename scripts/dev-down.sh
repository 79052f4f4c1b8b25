#!/usr/bin/env bash
# Ends what scripts/dev-up.sh started, and nothing else: agent sessions, node, control plane, supervisor. Fails when
# something survives, and names it.
#
#   scripts/dev-down.sh
#
# MC_DATA_DIR   the folder dev-up.sh was given (default: ~/.local/share/missioncontrol)
# MC_BIN_DIR    the folder of the programs, if dev-up.sh was given one
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
DIR=$(mc_data_dir)
if [ ! -e "$DIR/run" ]; then
  say "not running (no $DIR/run)"
  exit 0
fi
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc to end it with" "build it (scripts/dev-up.sh --no-demo), or set MC_BIN_DIR to its folder"
exec "$BIN/mc" down --data-dir "$DIR"
