#!/usr/bin/env bash
# A private MQTT broker (Mosquitto) for the profile full on this machine, with the configuration of `mc system broker-config`.
#
#   scripts/mosquitto-dev.sh install   install the program only
#   scripts/mosquitto-dev.sh env       print the variables with which the control plane uses it; chooses the port
#   scripts/mosquitto-dev.sh address   print where it listens, and nothing else; chooses the port
#   scripts/mosquitto-dev.sh start     install it when it is missing, start it; a no-op when it runs
#   scripts/mosquitto-dev.sh reload    let it read its configuration and its certificates again
#   scripts/mosquitto-dev.sh status    exit 0 when it runs, 3 when it does not
#   scripts/mosquitto-dev.sh stop      stop it; touches no other broker
#   scripts/mosquitto-dev.sh remove    stop it and delete its folder
#
# The program is Debian's package mosquitto, whose own service is not started. It listens on 127.0.0.1 only, on a free port that
# is remembered, and lets nobody in without a certificate of the installation. Nothing is kept in it. The configuration is made
# by a control plane that runs: mc system broker-config --dir FOLDER/config.
#
# MC_MOSQUITTO_DIR   folder for configuration and log (default: .cache/mosquitto in the checkout)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
umask 077

DIR=${MC_MOSQUITTO_DIR:-$MC_REPO/.cache/mosquitto}
case $DIR in /*) ;; *) DIR=$PWD/$DIR ;; esac

# program: its path; Debian's is where only root's PATH leads.
program() {
  local path
  path=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto) && printf '%s\n' "$path"
}

install_program() {
  program >/dev/null && return
  require_linux
  apt_install mosquitto
  program >/dev/null || die "there is no mosquitto after its installation" "install the Debian package mosquitto"
}

# server_pids: processes that are this broker and nobody else: the program mosquitto whose working folder is ours.
server_pids() {
  local dir comm cwd own
  own=$(readlink -f -- "$DIR") || return 0
  for dir in /proc/[0-9]*; do
    { read -r comm <"$dir/comm"; } 2>/dev/null && [ "$comm" = mosquitto ] || continue
    cwd=$(readlink "$dir/cwd" 2>/dev/null) || continue
    if [ "$cwd" = "$own" ] && proc_start_time "${dir#/proc/}" >/dev/null; then printf '%s\n' "${dir#/proc/}"; fi
  done
}

make_folder() {
  mkdir -p -- "$DIR" 2>/dev/null && [ -w "$DIR" ] || die "cannot write $DIR" "set MC_MOSQUITTO_DIR to a folder you may write"
}

# port: the one that is remembered, else a free one from now on.
port() {
  local port
  port=$(cat -- "$DIR/port" 2>/dev/null || true)
  case $port in
    '' | *[!0-9]*) ;;
    *) printf '%s\n' "$port" && return ;;
  esac
  make_folder
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 11900)) # below the range the kernel hands out for outgoing connections
    if ! port_listening "$port"; then
      printf '%s\n' "$port" >"$DIR/port"
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port between 20000 and 32000 was found" "end some of the servers of this machine"
}

# write_conf: as root the broker would go on as an account that cannot enter this folder; for others the line changes nothing.
write_conf() {
  { cat -- "$DIR/config/mosquitto.conf" && printf 'user root\n'; } >"$DIR/run.conf"
}

start() {
  local began pid port child
  began=$(date +%s%N)
  require_linux
  need_cmd flock util-linux
  make_folder
  exec 9>"$DIR/lock"
  flock -w 300 9 || die "another mosquitto-dev.sh has been at work in $DIR for five minutes" "look for it with: ps -ef | grep mosquitto-dev"
  port=$(port)
  pid=$(server_pids)
  if [ -n "$pid" ]; then
    say "the MQTT broker is already running (pid $pid, port $port)"
    return 0
  fi
  install_program
  [ -s "$DIR/config/mosquitto.conf" ] || die "there is no configuration in $DIR/config" "mc system broker-config --dir $DIR/config --listen 127.0.0.1:$port"
  ! port_listening "$port" || die "the remembered port $port is held by $(port_holder "$port")" "end it, or remove $DIR and start anew"
  write_conf
  (cd -- "$DIR" && exec setsid "$(program)" -c run.conf) >"$DIR/log" 2>&1 </dev/null 9>&- &
  child=$!
  for _ in $(seq 100); do
    pid=$(server_pids)
    [ -z "$pid" ] || ! port_listening "$port" || break
    kill -0 "$child" 2>/dev/null || break
    sleep 0.1
  done
  pid=$(server_pids)
  if [ -z "$pid" ] || ! port_listening "$port"; then
    tail -n 5 -- "$DIR/log" | sed 's/^/  log: /' >&2
    # Neither one that does not listen nor one that has not come so far is left.
    if [ -n "$pid" ]; then stop; else kill "$child" 2>/dev/null || true; fi
    die "the MQTT broker did not start" "read the log above"
  fi
  say "the MQTT broker started in $((($(date +%s%N) - began) / 1000000)) ms (pid $pid, port $port)"
}

# A control plane and a node connect again by themselves.
reload() {
  local pid
  pid=$(server_pids)
  [ -n "$pid" ] || die "the MQTT broker is not running" "scripts/mosquitto-dev.sh start"
  write_conf
  # shellcheck disable=SC2086  # a list
  kill -HUP $pid
}

stop() {
  local pid
  require_linux
  pid=$(server_pids)
  if [ -z "$pid" ]; then
    say "the MQTT broker is not running"
    return 0
  fi
  # shellcheck disable=SC2086  # a list
  kill $pid 2>/dev/null || true
  for _ in $(seq 50); do
    [ -n "$(server_pids)" ] || break
    sleep 0.1
  done
  for pid in $(server_pids); do kill -KILL "$pid" 2>/dev/null || true; done
  for _ in $(seq 50); do
    [ -n "$(server_pids)" ] || break
    sleep 0.1
  done
  [ -z "$(server_pids)" ] || die "the MQTT broker does not end: $(server_pids | tr '\n' ' ')" "look at it with ps"
  say "the MQTT broker stopped"
}

[ $# -le 1 ] || usage_error "unknown argument '$2'"
case ${1:-} in
  install) install_program ;;
  env) printf 'MC_MQTT_BROKER_URL=mqtts://127.0.0.1:%s\n' "$(port)" ;;
  address) printf '127.0.0.1:%s\n' "$(port)" ;;
  start) start ;;
  reload) reload ;;
  status)
    pid=$(server_pids)
    [ -n "$pid" ] || { printf 'stopped\n' && exit 3; }
    printf 'running pid=%s port=%s\n' "$pid" "$(port)"
    ;;
  stop) stop ;;
  remove)
    stop
    rm -rf -- "$DIR"
    ;;
  -h | --help | help) script_help "${BASH_SOURCE[0]}" ;;
  *) usage_error "expected install, env, address, start, reload, status, stop or remove" ;;
esac
