#!/usr/bin/env bash
# A private PostgreSQL 15 with pgvector for development, tests and benchmarks. Not for data you want to keep.
#
#   scripts/postgres-dev.sh start [--fsync on|off]   install what is missing, start, verify; a no-op when it runs
#   scripts/postgres-dev.sh stop                     stop it; touches no other server
#   scripts/postgres-dev.sh url                      print postgres://... of the running server
#   scripts/postgres-dev.sh status                   exit 0 when it runs, 3 when it does not
#   scripts/postgres-dev.sh remove                   stop it and delete its data
#
# It listens on 127.0.0.1 only, on a free port that is remembered, with a generated password. fsync is off unless asked
# for: fast, and lost at a power cut. A running server keeps its setting until --fsync is given.
#
# MC_DEV_DIR   folder for the build cache and the data (default: .cache/postgres in the checkout)
# MC_PG_HOME   folder for the data alone, such as one in memory; give it to each of these commands
# MC_PG_USER   account that runs the server when this script runs as root (default: postgres, created when missing)
# MC_PG_BIN    folder with initdb, pg_ctl, postgres and pg_config (default: those of Debian's postgresql-15)
#
# The server refuses to run as root, so root hands the data to MC_PG_USER. Where that account cannot enter the checkout,
# the data goes to a folder under MC_PG_FALLBACK (default: TMPDIR, or /tmp) named after the caller's uid and MC_DEV_DIR.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
umask 022

PG_MAJOR=15
PGVECTOR_WANTED=0.8
PGVECTOR_SUITE=trixie
DEV_DIR=${MC_DEV_DIR:-$MC_REPO/.cache/postgres}
case $DEV_DIR in /*) ;; *) DEV_DIR=$PWD/$DEV_DIR ;; esac

# ---- the account and the folder -------------------------------------------------------------------------------------

# as_pg COMMAND...: as the account that owns the server, from a folder it can enter, without the lock's descriptor.
as_pg() {
  if is_root; then
    (cd / && exec runuser -u "$PG_USER" -- "$@") 9>&-
  else
    (cd / && exec "$@") 9>&-
  fi
}

choose_user() {
  if ! is_root; then
    PG_USER=$(id -un)
    return
  fi
  PG_USER=${MC_PG_USER:-postgres}
  [ "$(id -u "$PG_USER" 2>/dev/null)" != 0 ] || die "MC_PG_USER is root, and PostgreSQL refuses to run as root" "unset MC_PG_USER"
  id -u "$PG_USER" >/dev/null 2>&1 && return
  [ "${1:-}" = create ] || return 0
  useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$PG_USER" ||
    die "cannot create the account '$PG_USER'" "set MC_PG_USER to an unprivileged account that exists"
}

# The pointer file says where the data is; without it both candidates are looked at, so that a cleaned cache still finds
# the server it started.
locate_home() {
  local pointed
  FALLBACK_HOME=${MC_PG_FALLBACK:-${TMPDIR:-/tmp}}
  FALLBACK_HOME=${FALLBACK_HOME%/}/mc-postgres-$(id -u)-$(printf '%s' "$DEV_DIR" | sha256sum | cut -c 1-12)
  HOMES=("$DEV_DIR/run" "$FALLBACK_HOME")
  [ -z "${MC_PG_HOME:-}" ] || HOMES=("$MC_PG_HOME")
  PG_HOME=
  if [ -z "${MC_PG_HOME:-}" ] && [ -r "$DEV_DIR/home" ]; then
    read -r pointed <"$DEV_DIR/home" || true
    [ -f "$pointed/data/PG_VERSION" ] && PG_HOME=$pointed
  fi
  if [ -z "$PG_HOME" ]; then
    for pointed in "${HOMES[@]}"; do
      [ -f "$pointed/data/PG_VERSION" ] && PG_HOME=$pointed && break
    done
  fi
  PG_DATA=$PG_HOME/data
}

# A folder the account can write and nobody else can enter. Under a shared /tmp a stranger may have made it first:
# then its owner is another one and it is refused.
create_home() {
  local try
  for try in "${HOMES[@]}"; do
    mkdir -p -- "$(dirname -- "$try")"
    mkdir -m 700 -- "$try" 2>/dev/null || [ -d "$try" ] || continue
    [ ! -L "$try" ] || die "$try is a symbolic link" "remove it"
    case $(stat -c %U -- "$try") in
      "$PG_USER") ;;
      "$(id -un)") chown -- "$PG_USER" "$try" ;;
      *) die "$try belongs to $(stat -c %U -- "$try"), not to $PG_USER" "remove it, or set MC_DEV_DIR to another folder" ;;
    esac
    chmod 700 -- "$try"
    if as_pg test -w "$try"; then
      PG_HOME=$try PG_DATA=$try/data
      return
    fi
    rmdir -- "$try" 2>/dev/null || true
  done
  die "the account $PG_USER can use none of ${HOMES[*]}" "set MC_DEV_DIR to a folder it can reach, for example under /var/tmp"
}

# ---- programs -------------------------------------------------------------------------------------------------------

find_programs() {
  if [ -n "${MC_PG_BIN:-}" ]; then
    PG_BIN=$MC_PG_BIN
  else
    PG_BIN=/usr/lib/postgresql/$PG_MAJOR/bin
  fi
  [ -x "$PG_BIN/initdb" ] && [ -x "$PG_BIN/pg_ctl" ] && [ -x "$PG_BIN/postgres" ] && [ -x "$PG_BIN/psql" ]
}

install_server() {
  find_programs && return
  [ -z "${MC_PG_BIN:-}" ] || die "MC_PG_BIN=$MC_PG_BIN has no initdb, pg_ctl, postgres and psql" "correct it or unset it"
  apt_install "postgresql-$PG_MAJOR" "postgresql-client-$PG_MAJOR"
  find_programs || die "postgresql-$PG_MAJOR is installed but $PG_BIN/initdb is missing" "set MC_PG_BIN to the folder of initdb"
}

# Prints the version of the installed extension, or nothing.
pgvector_version() {
  local share lib
  share=$("$PG_BIN/pg_config" --sharedir 2>/dev/null) && lib=$("$PG_BIN/pg_config" --pkglibdir) || {
    share=/usr/share/postgresql/$PG_MAJOR
    lib=/usr/lib/postgresql/$PG_MAJOR/lib
  }
  [ -f "$lib/vector.so" ] || return 0
  sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$share/extension/vector.control" 2>/dev/null || true
}

install_pgvector() {
  local version
  version=$(pgvector_version)
  case $version in "$PGVECTOR_WANTED".*) return ;; esac
  [ -z "$version" ] || say "pgvector $version is installed, $PGVECTOR_WANTED is wanted"
  build_pgvector
  version=$(pgvector_version)
  case $version in
    "$PGVECTOR_WANTED".*) say "pgvector $version installed" ;;
    *) die "pgvector $PGVECTOR_WANTED is not there after its installation (found: ${version:-none})" \
      "remove $DEV_DIR/pgvector and run this again; its build log is $DEV_DIR/pgvector/build.log" ;;
  esac
}

# Debian has no package of it for PostgreSQL 15: the source comes from the next release, through apt with its signature
# check, with lists, cache and configuration of our own, so that the machine's apt settings stay as they are.
build_pgvector() {
  local work=$DEV_DIR/pgvector source log
  log=$work/build.log
  mkdir -p -- "$work"
  apt_install "postgresql-server-dev-$PG_MAJOR" gcc make libc6-dev
  need_cmd tar
  source=$(find "$work" -maxdepth 1 -type d -name 'pgvector-*' | head -n 1)
  if [ -z "$source" ]; then
    say "fetching the source of pgvector from Debian $PGVECTOR_SUITE"
    fetch_pgvector "$work"
    tar -xf "$(find "$work" -maxdepth 1 -name 'pgvector_*.orig.tar.*' | head -n 1)" -C "$work"
    source=$(find "$work" -maxdepth 1 -type d -name 'pgvector-*' | head -n 1)
  fi
  [ -f "$source/vector.control" ] || die "no pgvector source in $work" "remove $work and run this again"
  say "building pgvector (log: $log)"
  # OPTFLAGS= : not tuned to this processor, a cache may move to another machine.
  make -s -C "$source" -j2 with_llvm=no OPTFLAGS= PG_CONFIG="$PG_BIN/pg_config" >"$log" 2>&1 ||
    die "pgvector does not compile: $(tail -n 1 "$log")" "read $log"
  as_root make -s -C "$source" install with_llvm=no OPTFLAGS= PG_CONFIG="$PG_BIN/pg_config" >>"$log" 2>&1 ||
    die "pgvector cannot be installed into $("$PG_BIN/pg_config" --pkglibdir)" \
      "run once with the right to: sudo make -C $source install with_llvm=no OPTFLAGS= PG_CONFIG=$PG_BIN/pg_config"
}

fetch_pgvector() {
  local apt=$1/apt uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  # The machine's own Debian mirror: first entry of the deb822 file, else of the one-line file.
  uri=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
  [ -n "$uri" ] || uri=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\/debian\/\{0,1\}\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
  [ -n "$uri" ] && [ -r "$keyring" ] ||
    die "no Debian mirror is configured on this machine, so pgvector's source cannot be fetched" \
      "install the extension 'vector' $PGVECTOR_WANTED for PostgreSQL $PG_MAJOR by other means (many distributions package it)"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$uri" "$PGVECTOR_SUITE" "$keyring" >"$apt/src.sources"
  printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "/dev/null";\nDir::State::lists "%s";\nDir::Cache "%s";\nAPT::Sandbox::User "";\n' \
    "$apt/src.sources" "$apt/lists" "$apt/cache" >"$apt/apt.conf"
  (
    cd "$1"
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq >&2 && apt-get source --download-only -qq "pgvector/$PGVECTOR_SUITE" >&2
  ) || die "apt could not fetch the source of pgvector from $PGVECTOR_SUITE" "check the network and the Debian mirror, then run this again"
  rm -rf -- "$apt"
}

# ---- the server -----------------------------------------------------------------------------------------------------

# server_pids: processes that are this server and nobody else: the program postgres whose working folder is our data.
server_pids() {
  as_pg bash -c '
    for dir in /proc/[0-9]*; do
      { read -r comm <"$dir/comm"; } 2>/dev/null && [ "$comm" = postgres ] || continue
      exe=$(readlink "$dir/exe" 2>/dev/null) || continue
      case ${exe% (deleted)} in */postgres) ;; *) continue ;; esac
      cwd=$(readlink "$dir/cwd" 2>/dev/null) || continue
      [ "$cwd" = "$1" ] && printf "%s\n" "${dir#/proc/}"
    done; true' _ "$(readlink -f -- "$PG_DATA")"
}

# The first line of postmaster.pid, when that process is indeed our server.
postmaster_pid() {
  local pid
  [ -n "$PG_HOME" ] || return 1
  pid=$(as_pg head -n 1 "$PG_DATA/postmaster.pid" 2>/dev/null) || return 1
  case " $(server_pids | tr '\n' ' ')" in *" $pid "*) printf '%s\n' "$pid" ;; *) return 1 ;; esac
}

url() { printf 'postgres://mc:%s@127.0.0.1:%s/mc\n' "$(as_pg cat "$PG_HOME/password")" "$(as_pg cat "$PG_HOME/port")"; }

# psql_as_mc DATABASE ARGUMENT...: never reads the user's own settings.
psql_as_mc() {
  local database=$1
  shift
  PGPASSWORD=$(as_pg cat "$PG_HOME/password") PGCONNECT_TIMEOUT=5 \
    "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(as_pg cat "$PG_HOME/port")" -U mc -d "$database" "$@" 9>&-
}

pick_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 12000)) # below the range the kernel hands out for outgoing connections
    port_listening "$port" || { printf '%s\n' "$port" && return; }
  done
  die "no free port between 20000 and 32000 was found" "end some of the servers of this machine"
}

# write_as_pg FILE: stdin into a private file of the account.
write_as_pg() { as_pg bash -c 'umask 077; cat >"$1.new" && mv -f "$1.new" "$1"' _ "$1"; }

init_data() {
  [ ! -f "$PG_DATA/PG_VERSION" ] || return 0
  say "creating a database cluster in $PG_DATA"
  as_pg rm -rf -- "$PG_DATA" # what an interrupted initdb left behind
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | write_as_pg "$PG_HOME/password"
  # Clear-text password over loopback: SCRAM would cost each of thousands of test connections milliseconds.
  as_pg "$PG_BIN/initdb" -D "$PG_DATA" -U mc -A password --pwfile="$PG_HOME/password" --locale=C.UTF-8 -E UTF8 --no-sync \
    >/dev/null || die "initdb failed in $PG_DATA" "read the message above; a full disk is the usual cause"
  printf '%s\n' "include 'mc.conf'" | as_pg tee -a "$PG_DATA/postgresql.conf" >/dev/null
}

write_settings() {
  local fsync=$1
  cat <<CONF | write_as_pg "$PG_DATA/mc.conf"
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
jit = off
fsync = $fsync
full_page_writes = $fsync
synchronous_commit = $fsync
CONF
}

server_log_tail() { as_pg tail -n 5 "$PG_HOME/log" 2>/dev/null | sed 's/^/  log: /' >&2; }

# A crashed server leaves its pid file, and for a moment its children.
clear_leftovers() {
  local pid
  for _ in $(seq 50); do
    [ -n "$(server_pids)" ] || break
    sleep 0.1
  done
  for pid in $(server_pids); do
    say "ending process $pid that a crashed server left behind"
    as_pg kill -QUIT "$pid" 2>/dev/null || true
  done
  for _ in $(seq 50); do
    [ -n "$(server_pids)" ] || break
    sleep 0.1
  done
  if [ -e "$PG_DATA/postmaster.pid" ]; then
    say "removing a stale postmaster.pid"
    as_pg rm -f -- "$PG_DATA/postmaster.pid"
  fi
}

launch() {
  local port attempt
  port=$(as_pg cat "$PG_HOME/port" 2>/dev/null || true)
  for attempt in 1 2 3 4 5; do
    case $port in
      '' | *[!0-9]*) port=$(pick_port) ;;
      *) if port_listening "$port"; then
        say "the remembered port $port is held by $(port_holder "$port"); taking another"
        port=$(pick_port)
      fi ;;
    esac
    printf '%s\n' "$port" | write_as_pg "$PG_HOME/port"
    as_pg bash -c ': >"$1"' _ "$PG_HOME/log"
    if as_pg "$PG_BIN/pg_ctl" -D "$PG_DATA" -l "$PG_HOME/log" -o "-p $port" -w -t 60 start </dev/null >/dev/null 2>&1; then
      return 0
    fi
    as_pg grep -q 'could not bind\|could not create any TCP/IP sockets' "$PG_HOME/log" || break
    port=
  done
  server_log_tail
  die "PostgreSQL did not start (attempt $attempt)" "read the log above; removing $PG_HOME starts afresh"
}

# Starting is not enough: the extension must load, compare two vectors and leave nothing behind.
verify() {
  local version
  if [ "$(psql_as_mc postgres -c "SELECT 1 FROM pg_database WHERE datname = 'mc'")" != 1 ]; then
    psql_as_mc postgres -c 'CREATE DATABASE mc'
  fi
  version=$(psql_as_mc mc -c "SET client_min_messages = warning" -c "BEGIN" -c "CREATE EXTENSION IF NOT EXISTS vector" \
    -c "SELECT extversion FROM pg_extension WHERE extname = 'vector' AND ('[1,0]'::vector <=> '[1,0]'::vector) = 0" -c "ROLLBACK") || version=
  case $version in
    "$PGVECTOR_WANTED".*) VECTOR_VERSION=$version ;;
    *) die "the server runs but CREATE EXTENSION vector gave '${version:-an error}' instead of $PGVECTOR_WANTED" \
      "remove the installed files of pgvector and $DEV_DIR/pgvector, then run this again" ;;
  esac
}

start() {
  local fsync='' pid current began
  began=$(date +%s%N)
  while [ $# -gt 0 ]; do
    case $1 in
      --fsync) fsync=${2:-}; shift 2 || usage_error "--fsync needs on or off" ;;
      --fsync=*) fsync=${1#*=}; shift ;;
      *) usage_error "unknown argument '$1'" ;;
    esac
    case $fsync in on | off) ;; *) usage_error "--fsync takes on or off, not '$fsync'" ;; esac
  done
  require_linux
  mkdir -p -- "$DEV_DIR" 2>/dev/null && [ -w "$DEV_DIR" ] || die "cannot write $DEV_DIR" "set MC_DEV_DIR to a folder you may write"
  need_cmd flock util-linux
  exec 9>"$DEV_DIR/lock"
  flock -w 300 9 || die "another postgres-dev.sh has been at work in $DEV_DIR for five minutes" "look for it with: ps -ef | grep postgres-dev"
  install_server
  choose_user create
  locate_home
  if pid=$(postmaster_pid); then
    if [ -n "$fsync" ]; then
      current=$(psql_as_mc mc -c 'SHOW fsync')
      if [ "$current" != "$fsync" ]; then
        write_settings "$fsync"
        as_pg "$PG_BIN/pg_ctl" -D "$PG_DATA" reload >/dev/null
        for _ in $(seq 50); do
          [ "$(psql_as_mc mc -c 'SHOW fsync')" != "$fsync" ] || break
          sleep 0.1
        done
      fi
    fi
    verify
    say "PostgreSQL is already running (pid $pid, port $(as_pg cat "$PG_HOME/port"), fsync $(psql_as_mc mc -c 'SHOW fsync'), vector $VECTOR_VERSION)"
    return 0
  fi
  install_pgvector
  [ -n "$PG_HOME" ] || create_home
  [ -n "${MC_PG_HOME:-}" ] || printf '%s\n' "$PG_HOME" >"$DEV_DIR/home"
  init_data
  clear_leftovers
  write_settings "${fsync:-off}"
  launch
  verify
  say "PostgreSQL started in $((($(date +%s%N) - began) / 1000000)) ms (pid $(postmaster_pid), port $(as_pg cat "$PG_HOME/port"), fsync ${fsync:-off}, vector $VECTOR_VERSION, data $PG_DATA)"
}

stop() {
  local mode
  [ $# -eq 0 ] || usage_error "unknown argument '$1'"
  require_linux
  [ -d "$DEV_DIR" ] && { exec 9>"$DEV_DIR/lock"; flock -w 300 9 || die "another postgres-dev.sh is at work in $DEV_DIR" "wait for it"; }
  choose_user
  locate_home
  if [ -z "$PG_HOME" ] || ! find_programs || [ -z "$(server_pids)" ]; then
    say "PostgreSQL is not running"
    return 0
  fi
  for mode in fast immediate; do
    postmaster_pid >/dev/null || break
    as_pg "$PG_BIN/pg_ctl" -D "$PG_DATA" -m "$mode" -w -t 20 stop >/dev/null 2>&1 || true
  done
  if [ -n "$(server_pids)" ]; then clear_leftovers; fi
  [ -z "$(server_pids)" ] || die "these processes of $PG_DATA do not end: $(server_pids | tr '\n' ' ')" "look at them with ps; kill -9 as a last resort"
  say "PostgreSQL stopped"
}

remove() {
  stop "$@"
  # Also what a removal that was cut short has left.
  rm -rf -- ${PG_HOME:+"$PG_HOME"} "${HOMES[@]}"
  [ -n "${MC_PG_HOME:-}" ] || rm -f -- "$DEV_DIR/home" "$DEV_DIR/lock"
}

running_or_fail() {
  [ $# -eq 0 ] || usage_error "unknown argument '$1'"
  choose_user
  locate_home
  [ -n "$PG_HOME" ] && find_programs && PG_PID=$(postmaster_pid)
}

case ${1:-} in
  start) shift && start "$@" ;;
  stop) shift && stop "$@" ;;
  remove) shift && remove "$@" ;;
  url)
    shift
    running_or_fail "$@" || die "PostgreSQL is not running" "scripts/postgres-dev.sh start"
    url
    ;;
  status)
    shift
    if running_or_fail "$@"; then
      printf 'running pid=%s port=%s data=%s\n' "$PG_PID" "$(as_pg cat "$PG_HOME/port")" "$PG_DATA"
    else
      printf 'stopped\n'
      exit 3
    fi
    ;;
  -h | --help | help) script_help "${BASH_SOURCE[0]}" ;;
  *) usage_error "expected start, stop, url, status or remove" ;;
esac
