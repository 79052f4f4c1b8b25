#!/usr/bin/env bash
# Builds MissionControl and starts it on this machine, in the background. Run twice, it says that it is already up.
#
#   scripts/dev-up.sh             build, start, demo
#   scripts/dev-up.sh --no-demo   build and start only
#
# Today this starts the control plane alone; node daemon, supervisor and demo follow and will be started from here.
#
# MC_DATA_DIR        data, token, log and pid file (default: ~/.local/share/missioncontrol)
# MC_HTTP            address to listen on (default: 127.0.0.1:8008)
# MC_STACK_PROFILE   quickstart (default: SQLite, nothing to install) or full (PostgreSQL from MC_DATABASE_URL)
# MC_TOKEN           bootstrap token to use; without it the control plane makes one and keeps it in the data folder
# MC_BIN_DIR         start mc-controlplane from this folder and build nothing
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

check_profile() {
  MC_STACK_PROFILE=${MC_STACK_PROFILE:-quickstart}
  case $MC_STACK_PROFILE in
    quickstart) ;;
    full)
      [ -n "${MC_DATABASE_URL:-}" ] ||
        die "MC_STACK_PROFILE=full needs a PostgreSQL server with pgvector, and MC_DATABASE_URL is not set" \
          "export MC_DATABASE_URL=postgres://user:password@host:5432/database, or unset MC_STACK_PROFILE"
      ;;
    *) die "MC_STACK_PROFILE=$MC_STACK_PROFILE is not a profile" "use quickstart or full" ;;
  esac
  export MC_STACK_PROFILE
}

check_address() {
  HTTP=${MC_HTTP:-127.0.0.1:8008}
  HTTP=${HTTP/#localhost:/127.0.0.1:}
  HTTP_HOST=${HTTP%:*} HTTP_PORT=${HTTP##*:}
  case $HTTP_PORT in
    '' | *[!0-9]*) die "MC_HTTP=$HTTP is not HOST:PORT" "for example MC_HTTP=127.0.0.1:8008" ;;
  esac
  [ -n "$HTTP_HOST" ] && [ "$HTTP_HOST" != "$HTTP" ] && [ "$HTTP_PORT" -ge 1 ] && [ "$HTTP_PORT" -le 65535 ] ||
    die "MC_HTTP=$HTTP is not HOST:PORT" "for example MC_HTTP=127.0.0.1:8008"
  case $HTTP_HOST in
    0.0.0.0 | '[::]') PROBE_HOST=127.0.0.1 ;;
    *) PROBE_HOST=$HTTP_HOST ;;
  esac
}

# A login session token or an agent grant is no bootstrap token; one that differs from the stored one is a mistake.
check_token() {
  local stored
  case ${MC_TOKEN:-} in
    '') return 0 ;;
    mcs_* | mcg_*)
      say "MC_TOKEN is a session token or a grant; it is not used as bootstrap token"
      unset MC_TOKEN
      ;;
    *)
      [ -s "$DIR/token" ] || return 0
      stored=$(cat -- "$DIR/token")
      [ "$MC_TOKEN" = "$stored" ] ||
        die "MC_TOKEN differs from the bootstrap token of this installation in $DIR/token" \
          "unset MC_TOKEN, or export MC_TOKEN=\"\$(cat $DIR/token)\", or choose another MC_DATA_DIR"
      ;;
  esac
}

prepare_folders() {
  mkdir -p -- "$DIR/run" "$DIR/log" 2>/dev/null && [ -w "$DIR/run" ] && [ -w "$DIR/log" ] ||
    die "cannot write the data folder $DIR" "set MC_DATA_DIR to a folder you may write"
  chmod 700 -- "$DIR"
  need_cmd flock util-linux
  exec 9>"$DIR/run/dev-up.lock"
  flock -n 9 || die "another dev-up.sh or dev-down.sh is at work in $DIR" "wait for it to end"
}

# True, with a message, when the control plane of this data folder runs.
already_up() {
  read_pid_file "$PID_FILE" || return 1
  local address=$HTTP
  [ ! -r "$DIR/run/controlplane.http" ] || read -r address <"$DIR/run/controlplane.http"
  HTTP=$address
  check_address_of_running
  wait_ready "$RUN_PID" "$RUN_START" || die "the control plane (pid $RUN_PID) runs but does not become ready at http://$HTTP/readyz" \
    "read $LOG, or start afresh: scripts/dev-down.sh && scripts/dev-up.sh"
  say "already up: http://$HTTP (pid $RUN_PID). To start a new build: scripts/dev-down.sh && scripts/dev-up.sh"
}

check_address_of_running() {
  MC_HTTP=$HTTP
  check_address
}

check_port() {
  port_listening "$HTTP_PORT" || return 0
  die "port $HTTP_PORT is already used by $(port_holder "$HTTP_PORT")" \
    "end that process, or choose another address: MC_HTTP=$HTTP_HOST:$((HTTP_PORT % 65535 + 1)) scripts/dev-up.sh"
}

build() {
  local began=$SECONDS free_kib
  if [ -n "${MC_BIN_DIR:-}" ]; then
    BINARY=$MC_BIN_DIR/mc-controlplane
    [ -x "$BINARY" ] || die "MC_BIN_DIR=$MC_BIN_DIR has no program mc-controlplane" "correct it, or unset it to build from source"
    return 0
  fi
  need_cmd git
  need_cc
  need_rust
  mkdir -p -- "$(target_dir)"
  free_kib=$(df -Pk "$(target_dir)" | awk 'NR == 2 { print $4 }')
  [ "$free_kib" -ge 4194304 ] || warn "only $((free_kib / 1024)) MiB are free for the build in $(target_dir); about 4 GiB are wanted"
  say "building (release speed, without link-time optimisation; the first build takes minutes)"
  (cd -- "$MC_REPO" && cargo build --workspace --profile ci --locked) ||
    die "the build failed" "read the messages of cargo above"
  say "built in $((SECONDS - began)) s"
  BINARY=$(target_dir)/ci/mc-controlplane
  [ -x "$BINARY" ] || die "the build left no $BINARY" "look at: ls $(target_dir)/ci"
}

# wait_ready PID START_TIME: until GET /readyz answers 200, the process ends, or the deadline passes.
wait_ready() {
  local deadline=$((SECONDS + ${MC_UP_TIMEOUT:-60})) status=''
  while proc_is "$1" "$2"; do
    status=$(http_status "$PROBE_HOST" "$HTTP_PORT" /readyz || true)
    [ "$status" != 200 ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || break
    sleep 0.1
  done
  READY_STATUS=$status
  return 1
}

show_log_end() { tail -n 20 -- "$LOG" 2>/dev/null | sed 's/^/  log: /' >&2; }

# A session of its own, so that closing this terminal does not end it; without the lock's descriptor.
start_controlplane() {
  local pid start
  (umask 077 && : >>"$LOG")
  setsid "$BINARY" --data-dir "$DIR" --http "$HTTP" </dev/null >>"$LOG" 2>&1 9>&- &
  pid=$!
  printf '%s\n' "$HTTP" >"$DIR/run/controlplane.http"
  if ! write_pid_file "$PID_FILE" "$pid"; then
    show_log_end
    die "the control plane ended at once" "read $LOG"
  fi
  read_pid_file "$PID_FILE" || true
  start=$RUN_START
  if wait_ready "$pid" "$start"; then return 0; fi
  show_log_end
  if proc_is "$pid" "$start"; then
    kill -TERM "$pid" 2>/dev/null || true
    wait_gone "$pid" "$start" 10 || kill -KILL "$pid" 2>/dev/null || true
    rm -f -- "$PID_FILE"
    die "the control plane was not ready within ${MC_UP_TIMEOUT:-60} s (GET http://$HTTP/readyz: ${READY_STATUS:-no answer}) and was ended" \
      "read $LOG; a slow machine needs MC_UP_TIMEOUT=180"
  fi
  rm -f -- "$PID_FILE"
  die "the control plane ended before it was ready" "read $LOG"
}

report() {
  say "up: http://$HTTP (pid $RUN_PID, profile $MC_STACK_PROFILE)"
  say "  log    $LOG"
  if [ -s "$DIR/token" ]; then
    say "  token  $DIR/token"
    [ "$(stat -c %a -- "$DIR/token")" = 600 ] || warn "$DIR/token can be read by others; it should have mode 600"
  else
    warn "the control plane left no bootstrap token in $DIR/token"
  fi
  say "  use    export MC_BASE_URL=http://$HTTP MC_TOKEN=\"\$(cat $DIR/token)\""
  say "  stop   scripts/dev-down.sh"
}

require_linux
DIR=$(mc_data_dir)
PID_FILE=$DIR/run/controlplane.pid
LOG=$DIR/log/controlplane.log
check_profile
check_address
prepare_folders
if already_up; then exit 0; fi
check_token
check_port
build
start_controlplane
report
[ -z "$DEMO" ] || say "demo: not built yet, nothing was run (--no-demo leaves out this line)"
