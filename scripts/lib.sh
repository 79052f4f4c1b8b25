# shellcheck shell=bash
# Functions shared by the scripts of this folder. Sourced, never run; sets no options and starts nothing.
#
# Messages go to stderr, so that a script's stdout holds only what it was asked to print.

MC_RUST_MIN=1.95
# What rustup is asked for when the compiler is missing or too old.
MC_RUST_TOOLCHAIN=1.95.0

MC_SCRIPTS=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
MC_REPO=$(dirname -- "$MC_SCRIPTS")
export MC_SCRIPTS MC_REPO

# runuser and useradd live there, and not every PATH has it.
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die CAUSE [FIX]: says why, says what to do, exits 1.
die() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '  fix: %s\n' "$2" >&2
  exit 1
}

# usage_error CAUSE: a wrong argument, exits 2.
usage_error() {
  printf 'error: %s\n  fix: see %s --help\n' "$1" "${0##*/}" >&2
  exit 2
}

# script_help FILE: prints the comment block at the top of a script as its help text.
script_help() { sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$1"; }

have() { command -v "$1" >/dev/null 2>&1; }

is_ci() { [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ]; }

is_root() { [ "$(id -u)" = 0 ]; }

require_linux() {
  [ "$(uname -s)" = Linux ] && [ -r /proc/self/stat ] && return 0
  die "${0##*/} reads /proc and runs on Linux only; this is $(uname -s)" "use a Linux machine, container or virtual machine"
}

# as_root COMMAND...: runs it as root, through sudo when that asks no question.
as_root() {
  if is_root; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n -- "$@"
  else
    return 126
  fi
}

# apt_install PACKAGE...: installs what is missing. The package lists are refreshed at most once per script run, and only
# when an install without it failed. No service is started and no question is asked.
_MC_APT_UPDATED=
apt_install() {
  local missing=() package
  have apt-get || die "cannot install $*: this machine has no apt-get" "install the equivalent of: $*"
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  is_root || { have sudo && sudo -n true 2>/dev/null; } ||
    die "packages are missing and this user may not install them: ${missing[*]}" "sudo apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  _apt_get install -y -qq --no-install-recommends "${missing[@]}" && return 0
  if [ -z "$_MC_APT_UPDATED" ]; then
    _MC_APT_UPDATED=1
    # A dead third-party source must not stop the install: apt keeps the lists it could fetch.
    _apt_get update -qq || warn "apt-get update reported errors; going on with the lists there are"
    _apt_get install -y -qq --no-install-recommends "${missing[@]}" && return 0
  fi
  die "apt-get could not install: ${missing[*]}" "run 'apt-get update && apt-get install ${missing[*]}' and read its messages"
}

# Quiet unless it fails. RUNLEVEL=1 keeps package scripts from starting services.
_apt_get() {
  local output
  output=$(as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null 2>&1) && return 0
  printf '%s\n' "$output" | tail -n 15 | sed 's/^/  apt-get: /' >&2
  return 1
}

# need_cmd COMMAND [PACKAGE]: COMMAND is there, or PACKAGE (default: the same name) is installed, or the script ends.
need_cmd() {
  have "$1" && return 0
  if have apt-get; then
    apt_install "${2:-$1}"
    hash -r
    have "$1" && return 0
  fi
  die "the command '$1' is missing" "install it, for example the Debian package '${2:-$1}'"
}

# need_cc: a C compiler and make, for the crates that build C (libgit2, SQLite, ring).
need_cc() {
  have cc || need_cmd cc gcc
  need_cmd make
  printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -fsyntax-only - 2>/dev/null ||
    apt_install gcc libc6-dev
}

# version_at_least HAVE WANTED: compares dotted numbers (a suffix such as -nightly is ignored).
version_at_least() {
  local have=${1%%-*} want=$2
  [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ]
}

# Empty when there is none or it does not start; never a failure, for callers run with errexit.
_rustc_version() { { rustc --version 2>/dev/null || true; } | awk '{ print $2 }'; }

# writable_home: cargo needs a place for its registry even where HOME is unset or read-only.
writable_home() {
  if [ -z "${HOME:-}" ]; then
    HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6 || true)
    export HOME
  fi
  [ -z "${CARGO_HOME:-}" ] || return 0
  if [ -z "$HOME" ] || ! mkdir -p -- "$HOME/.cargo" 2>/dev/null || ! [ -w "$HOME/.cargo" ]; then
    CARGO_HOME=$MC_REPO/.cache/cargo-home
    mkdir -p -- "$CARGO_HOME" || die "neither HOME nor $MC_REPO/.cache can be written" "set CARGO_HOME to a folder you may write"
    export CARGO_HOME
  fi
}

# need_rust: cargo and rustc >= MC_RUST_MIN on PATH, through rustup when that is there.
need_rust() {
  local version tool bin
  writable_home
  if ! have cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  fi
  version=$(_rustc_version)
  if [ -z "$version" ] && [ -z "${RUSTUP_HOME:-}" ]; then
    # HOME is another one than rustup was installed with; its toolchains stand beside the folder of its programs.
    for tool in cargo rustc rustup; do
      bin=$(type -P "$tool") || continue
      bin=$(dirname -- "$bin")
      [ -d "$bin/../../.rustup/toolchains" ] || continue
      RUSTUP_HOME=$(cd -- "$bin/../../.rustup" && pwd -P)
      export RUSTUP_HOME
      version=$(_rustc_version)
      break
    done
  fi
  if [ -z "$version" ] || ! version_at_least "$version" "$MC_RUST_MIN"; then
    if have rustup; then
      say "Rust $MC_RUST_MIN or newer is needed, found ${version:-none}: installing $MC_RUST_TOOLCHAIN with rustup"
      if [ -z "${RUSTUP_HOME:-}" ] && ! mkdir -p -- "$HOME/.rustup" 2>/dev/null; then
        RUSTUP_HOME=$MC_REPO/.cache/rustup-home
        export RUSTUP_HOME
      fi
      rustup toolchain install "$MC_RUST_TOOLCHAIN" --profile minimal -c rustfmt -c clippy >&2 ||
        die "rustup could not install Rust $MC_RUST_TOOLCHAIN" "check the network, then: rustup toolchain install $MC_RUST_TOOLCHAIN -c rustfmt -c clippy"
      RUSTUP_TOOLCHAIN=$MC_RUST_TOOLCHAIN
      export RUSTUP_TOOLCHAIN
      version=$(_rustc_version)
    else
      die "Rust $MC_RUST_MIN or newer is needed, found ${version:-none}, and rustup is not installed" \
        "install rustup as https://rustup.rs says, then: rustup toolchain install $MC_RUST_TOOLCHAIN -c rustfmt -c clippy"
    fi
  fi
  [ -n "$version" ] && version_at_least "$version" "$MC_RUST_MIN" && have cargo ||
    die "cargo with Rust $MC_RUST_MIN or newer is still missing (rustc says: ${version:-nothing})" "check PATH and 'rustup show'"
}

# target_dir: where cargo puts what it builds.
target_dir() { printf '%s\n' "${CARGO_TARGET_DIR:-$MC_REPO/target}"; }

# bin_dir: where the programs are that the scripts start.
bin_dir() {
  local target profile=${MC_BUILD_PROFILE:-}
  target=$(target_dir)
  # Without a word about it: what was built last.
  if [ -z "$profile" ] && [ "$target/ci/mc" -nt "$target/quick/mc" ]; then profile=ci; fi
  printf '%s\n' "${MC_BIN_DIR:-$target/${profile:-quick}}"
}

MC_NODE_MIN=20.19
# What npm is asked for when Node is missing or too old.
MC_NODE_VERSION=22

_node_version() { { node --version 2>/dev/null || true; } | tr -d v; }

# need_node: node >= MC_NODE_MIN and npm on PATH; else Debian's npm brings a newer node into .cache. Fails without ending
# the script.
need_node() {
  local version cached=$MC_REPO/.cache/node
  [ ! -x "$cached/node_modules/.bin/node" ] || PATH=$cached/node_modules/.bin:$PATH
  version=$(_node_version)
  if [ -z "$version" ] || ! version_at_least "$version" "$MC_NODE_MIN" || ! have npm; then
    have npm || { have apt-get && (apt_install npm); } || return 1
    hash -r
    mkdir -p -- "$cached"
    npm install --prefix "$cached" --no-audit --no-fund --loglevel error "node@$MC_NODE_VERSION" >&2 || return 1
    PATH=$cached/node_modules/.bin:$PATH
    hash -r
  fi
  export PATH
  version=$(_node_version)
  [ -n "$version" ] && version_at_least "$version" "$MC_NODE_MIN"
}

# need_chromium: a Chromium for end-to-end tests and screenshots; its path is in MC_CHROMIUM. Fails without ending the script.
need_chromium() {
  [ -z "${MC_CHROMIUM:-}" ] || return 0
  have chromium || { have apt-get && (apt_install chromium); } || return 1
  hash -r
  MC_CHROMIUM=$(command -v chromium) || return 1
  export MC_CHROMIUM
}

# build_programs [MORE…]: the programs of an installation and more of this workspace by name, by the profile MC_BUILD_PROFILE
# (default quick; ci: release speed but for link-time optimisation); nothing when MC_BIN_DIR is given.
build_programs() {
  local began=$SECONDS free_kib name version commit bins=()
  set -- mc mc-controlplane mc-mesh mc-scripted-agent "$@"
  if [ -n "${MC_BIN_DIR:-}" ]; then
    for name in "$@"; do
      [ -x "$MC_BIN_DIR/$name" ] || die "MC_BIN_DIR=$MC_BIN_DIR has no program $name" "correct it, or unset it to build from source"
    done
    return 0
  fi
  export MC_BUILD_PROFILE=${MC_BUILD_PROFILE:-quick}
  case $MC_BUILD_PROFILE in
    quick | ci | release) ;;
    *) usage_error "MC_BUILD_PROFILE is quick, ci or release, not '$MC_BUILD_PROFILE'" ;;
  esac
  need_cmd git
  need_cc
  need_rust
  mkdir -p -- "$(target_dir)"
  free_kib=$(df -Pk "$(target_dir)" | awk 'NR == 2 { print $4 }')
  [ "$free_kib" -ge 4194304 ] || warn "only $((free_kib / 1024)) MiB are free for the build in $(target_dir); about 4 GiB are wanted"
  for name in "$@"; do bins+=(--bin "$name"); done
  # The parts compare their builds when they start.
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$MC_REPO/Cargo.toml" | head -n 1)
  commit=$(git -C "$MC_REPO" rev-parse --short=12 HEAD 2>/dev/null || printf 'unknown')
  say "building $version+$commit (the first build takes about ten minutes on two cores)"
  (cd -- "$MC_REPO" && MC_BUILD_ID=$version+$commit cargo build --workspace "${bins[@]}" --profile "$MC_BUILD_PROFILE" --locked) ||
    die "the build failed" "read the messages of cargo above"
  say "built in $((SECONDS - began)) s"
}

# ---- processes ------------------------------------------------------------------------------------------------------
# A pid alone proves nothing, it may have been given to somebody else since. Pid and start time together do, until reboot.

# proc_start_time PID: start time in clock ticks since boot; fails for a process that is gone or a zombie.
proc_start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  [ -n "$stat" ] || return 1
  stat=${stat##*) } # the command name may hold spaces and parentheses
  # shellcheck disable=SC2086  # split into fields on purpose
  set -- $stat
  case $1 in Z | X) return 1 ;; esac
  printf '%s\n' "${20}"
}

# proc_is PID START_TIME: that very process is alive.
proc_is() {
  case ${1:-} in '' | *[!0-9]*) return 1 ;; esac
  [ -n "${2:-}" ] && [ "$(proc_start_time "$1")" = "$2" ]
}

# ---- ports ----------------------------------------------------------------------------------------------------------

# port_open HOST PORT: something accepts connections there.
port_open() { timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }

# port_listening PORT: some process of this machine listens on it, on whatever address.
port_listening() { [ -n "$(_listening_inodes "$1")" ]; }

# In /proc/net/tcp: column 2 is address:port in hex, 4 the state (0A = listening), 10 the socket's inode.
_listening_inodes() {
  awk -v port="$(printf '%04X' "$1")" '$4 == "0A" && $2 ~ ":" port "$" { print $10 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# port_holder PORT: "pid 123 (name)" of whoever listens there, or why it cannot be told.
port_holder() {
  local inode fd pid
  for inode in $(_listening_inodes "$1"); do
    for fd in /proc/[0-9]*/fd/*; do
      [ "$(readlink "$fd" 2>/dev/null)" = "socket:[$inode]" ] || continue
      pid=${fd#/proc/}
      pid=${pid%%/*}
      printf 'pid %s (%s)\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-80 | sed 's/ *$//')"
      return 0
    done
  done
  printf 'a process of another user\n'
}

# ---- the local installation (dev-up, dev-down) ----------------------------------------------------------------------

# mc_profile [NAME]: the profile that was asked for, by argument or MC_STACK_PROFILE.
mc_profile() {
  local profile=${1:-${MC_STACK_PROFILE:-quickstart}}
  case $profile in
    quickstart | full) printf '%s\n' "$profile" ;;
    *) die "'$profile' is not a profile" "use quickstart or full (--profile, MC_STACK_PROFILE)" ;;
  esac
}

# mc_data_dir [PROFILE]: absolute path of the data folder. The two profiles have one each, unless MC_DATA_DIR is set.
mc_data_dir() {
  local dir=${MC_DATA_DIR:-}
  if [ -z "$dir" ]; then
    [ -n "${HOME:-}" ] || die "neither MC_DATA_DIR nor HOME is set" "export MC_DATA_DIR=/some/folder"
    dir=$HOME/.local/share/missioncontrol
    [ "${1:-}" != full ] || dir=$dir-full
  fi
  case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
  printf '%s\n' "${dir%/}"
}

# read_pid_file FILE: sets RUN_PID and RUN_START; true when that very process is alive.
read_pid_file() {
  RUN_PID='' RUN_START=''
  [ -r "$1" ] || return 1
  read -r RUN_PID RUN_START _ <"$1" || true
  proc_is "$RUN_PID" "$RUN_START"
}
