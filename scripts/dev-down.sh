#!/usr/bin/env bash
# Ends what scripts/dev-up.sh started, and nothing else. Fails when it survives.
#
#   scripts/dev-down.sh
#
# MC_DATA_DIR       the folder dev-up.sh was given (default: ~/.local/share/missioncontrol)
# MC_DOWN_TIMEOUT   seconds between asking and killing (default: 20)
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
PID_FILE=$DIR/run/controlplane.pid
if [ ! -e "$PID_FILE" ]; then
  say "not running (no $PID_FILE)"
  exit 0
fi
need_cmd flock util-linux
exec 9>"$DIR/run/dev-up.lock"
flock -w 120 9 || die "another dev-up.sh or dev-down.sh is at work in $DIR" "wait for it to end"

if ! read_pid_file "$PID_FILE"; then
  # The number may belong to somebody else by now: without the same start time it is left alone.
  say "not running (process ${RUN_PID:-?} of $PID_FILE is gone)"
  rm -f -- "$PID_FILE" "$DIR/run/controlplane.http"
  exit 0
fi

kill -TERM "$RUN_PID" 2>/dev/null || die "this user may not end process $RUN_PID" "run scripts/dev-down.sh as the user who ran dev-up.sh"
if ! wait_gone "$RUN_PID" "$RUN_START" "${MC_DOWN_TIMEOUT:-20}"; then
  warn "process $RUN_PID did not end within ${MC_DOWN_TIMEOUT:-20} s of SIGTERM; sending SIGKILL"
  kill -KILL "$RUN_PID" 2>/dev/null || true
  wait_gone "$RUN_PID" "$RUN_START" 10 ||
    die "process $RUN_PID survives SIGKILL" "it hangs in the kernel; look at: cat /proc/$RUN_PID/status /proc/$RUN_PID/wchan"
fi
rm -f -- "$PID_FILE" "$DIR/run/controlplane.http"
say "stopped (pid $RUN_PID)"
