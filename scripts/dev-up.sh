#!/usr/bin/env bash
# Builds MissionControl, starts it on this machine in the background and shows it at work. Run twice, it says that it is
# already up and shows it again.
#
#   scripts/dev-up.sh             build, start, demo
#   scripts/dev-up.sh --no-demo   build and start only
#
# MC_DATA_DIR        folder for everything it keeps (default: ~/.local/share/missioncontrol)
# MC_HTTP            address to listen on (default: 127.0.0.1:8008)
# MC_STACK_PROFILE   quickstart (default: SQLite, folder, local Git; nothing to install). full is not built yet
# MC_TOKEN           bootstrap token of a new installation; without it one is made and kept in the data folder
# MC_BIN_DIR         use the programs in this folder and build nothing
# MC_UP_TIMEOUT      seconds to wait until it is ready (default: 60)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

DEMO=1
for argument in "$@"; do
  case $argument in
    --no-demo) DEMO='' ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$argument'" ;;
  esac
done

case ${MC_STACK_PROFILE:-quickstart} in
  quickstart) ;;
  full)
    die "MC_STACK_PROFILE=full is not built yet: it will run on PostgreSQL, S3 and a broker of your own" \
      "unset MC_STACK_PROFILE; to run the server alone on PostgreSQL: mc-controlplane --data-dir DIR --database postgres://…"
    ;;
  *) die "MC_STACK_PROFILE=$MC_STACK_PROFILE is not a profile" "use quickstart, or unset it" ;;
esac

require_linux
DIR=$(mc_data_dir)
BIN=$(bin_dir)
if read_pid_file "$DIR/run/supervisor.pid" && [ -x "$BIN/mc" ]; then
  say "it runs already, nothing is built. To start a new build: scripts/dev-down.sh && scripts/dev-up.sh"
else
  [ -n "${MC_BIN_DIR:-}" ] || "$MC_SCRIPTS/build-ui.sh" || warn "the web UI is left out; everything else works without it"
  build_programs
fi
"$BIN/mc" up --detach --data-dir "$DIR" --timeout "${MC_UP_TIMEOUT:-60}s" >&2
say "Use:        PATH=\"$BIN:\$PATH\" (or scripts/install-mc.sh --from-target), then: mc get tasks -A"
say "Browser:    the server's address with /ui/; the token is in $DIR/token"
say "Stop:       scripts/dev-down.sh"
[ -z "$DEMO" ] || MC_BIN_DIR=$BIN MC_DATA_DIR=$DIR "$MC_SCRIPTS/demo.sh"
