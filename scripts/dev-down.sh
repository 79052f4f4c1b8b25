#!/usr/bin/env bash
# Ends what scripts/dev-up.sh started, and nothing else: agent sessions, node, control plane, supervisor, and with the
# profile full its PostgreSQL and S3 server. The data stays. Fails when something survives, and names it.
#
#   scripts/dev-down.sh                  both profiles, unless MC_DATA_DIR names the folder of one
#   scripts/dev-down.sh --profile NAME   quickstart or full only
#
# MC_DATA_DIR   the folder dev-up.sh was given (default: ~/.local/share/missioncontrol; full: …/missioncontrol-full)
# MC_BIN_DIR    the folder of the programs, if dev-up.sh was given one
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/full-profile.sh
. "$MC_SCRIPTS/full-profile.sh"

PROFILES=(quickstart full)
[ -z "${MC_STACK_PROFILE:-}" ] || PROFILES=("$(mc_profile)")
case ${1:-} in
  '') ;;
  --profile)
    [ -n "${2:-}" ] && [ $# = 2 ] || usage_error "--profile takes quickstart or full"
    PROFILES=("$(mc_profile "$2")")
    ;;
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) usage_error "unknown argument '$1'" ;;
esac

# down DIR: the programs first, for they use the parts.
down() {
  local bin code=0
  if [ -e "$1/run" ]; then
    bin=$(bin_dir)
    [ -x "$bin/mc" ] || die "there is no program $bin/mc to end it with" "build it (scripts/dev-up.sh --no-demo), or set MC_BIN_DIR to its folder"
    "$bin/mc" down --data-dir "$1" || code=$?
  else
    say "not running (no $1/run)"
  fi
  full_stop "$1" || code=1
  return "$code"
}

require_linux
CODE=0
[ -z "${MC_DATA_DIR:-}" ] || PROFILES=("${PROFILES[0]}")
for profile in "${PROFILES[@]}"; do
  dir=$(mc_data_dir "$profile")
  # Of two, the one that was never started is not worth a word.
  [ "$profile" = "${PROFILES[0]}" ] || [ -e "$dir/run" ] || [ -d "$(full_parts "$dir")" ] || continue
  down "$dir" || CODE=$?
done
exit "$CODE"
