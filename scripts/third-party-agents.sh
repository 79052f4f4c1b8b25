#!/usr/bin/env bash
# Installs ACP agents that others wrote, for the tests that run them against a local model stub.
#
#   scripts/third-party-agents.sh [codex|claude|gemini|opencode]...   default: codex
#   scripts/third-party-agents.sh --known                             installs nothing, prints the names above
#
# Each comes from npm in exactly the version pinned below, into MC_AGENTS_DIR (default: .cache/agents in the checkout),
# a folder per agent. What is there in its version is left alone. Node comes from Debian when it is absent; an agent
# that needs a newer Node gets its own from npm. Nothing is written outside of the cache, HOME may be empty or missing.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

AGENTS_DIR=${MC_AGENTS_DIR:-$MC_REPO/.cache/agents}
case $AGENTS_DIR in /*) ;; *) AGENTS_DIR=$PWD/$AGENTS_DIR ;; esac
# The oldest Node that Debian 12 has.
NODE_MIN=18

KNOWN=(codex claude gemini opencode)
# pin NAME: sets PROGRAM (what must be there afterwards) and PACKAGES, the only place that names versions. A package's
# install scripts run only where SCRIPTS says that it cannot do without.
pin() {
  SCRIPTS=--ignore-scripts
  case $1 in
    codex) PROGRAM=codex-acp PACKAGES=(@zed-industries/codex-acp@0.16.0) ;;
    # Wants Node 22; the package node brings it by its install script.
    claude)
      PROGRAM=claude-agent-acp PACKAGES=(@agentclientprotocol/claude-agent-acp@0.100.0 node@22.23.3)
      SCRIPTS=--foreground-scripts
      ;;
    gemini) PROGRAM=gemini PACKAGES=(@google/gemini-cli@0.61.0) ;;
    # Its install script puts the program for this machine in place.
    opencode) PROGRAM=opencode PACKAGES=(opencode-ai@1.18.33) SCRIPTS=--foreground-scripts ;;
    *) usage_error "unknown agent '$1'" ;;
  esac
}

need_node() {
  local version
  need_cmd node nodejs
  need_cmd npm
  version=$(node --version 2>/dev/null) || version=
  version_at_least "${version#v}" "$NODE_MIN" ||
    die "Node $NODE_MIN or newer is needed, found ${version:-one that does not start}" "install the Debian package nodejs, or put a newer node first on PATH"
}

# install NAME: into a folder beside, which takes the place of the old one when it is whole.
install_agent() {
  local name=$1 dir=$AGENTS_DIR/$1 new log
  pin "$name"
  if [ -x "$dir/node_modules/.bin/$PROGRAM" ] && [ "$(cat "$dir/installed" 2>/dev/null)" = "${PACKAGES[*]}" ]; then
    say "$name: ${PACKAGES[*]} is installed"
    return
  fi
  need_node
  new=$(mktemp -d -- "$AGENTS_DIR/.new-$name-XXXXXX")
  log=$AGENTS_DIR/$name.log
  say "$name: installing ${PACKAGES[*]}"
  if ! (cd -- "$new" && printf '{"private":true}\n' >package.json && npm_install "${PACKAGES[@]}") >"$log" 2>&1; then
    tail -n 15 "$log" | sed 's/^/  npm: /' >&2
    rm -rf -- "$new"
    die "npm could not install ${PACKAGES[*]}" "check the network and 'npm ping', then run this again; the whole log is $log"
  fi
  if [ ! -x "$new/node_modules/.bin/$PROGRAM" ]; then
    rm -rf -- "$new"
    die "${PACKAGES[0]} was installed but has no program $PROGRAM" "read $log; the package may not support $(uname -sm)"
  fi
  printf '%s\n' "${PACKAGES[*]}" >"$new/installed"
  rm -rf -- "$dir"
  mv -- "$new" "$dir"
  rm -f -- "$log"
}

# npm writes to its cache and reads settings from HOME: both are ours here.
npm_install() {
  HOME=$AGENTS_DIR npm_config_cache=$AGENTS_DIR/npm-cache npm_config_userconfig=$AGENTS_DIR/npmrc \
    npm install "$SCRIPTS" --save-exact --no-audit --no-fund --no-update-notifier --fetch-retries=3 "$@" </dev/null
}

[ "$#" -gt 0 ] || set -- codex
for name in "$@"; do
  case $name in
    -h | --help) script_help "${BASH_SOURCE[0]}" && exit 0 ;;
    --known) printf '%s\n' "${KNOWN[@]}" && exit 0 ;;
  esac
  pin "$name"
done
require_linux
mkdir -p -- "$AGENTS_DIR" || die "$AGENTS_DIR cannot be created" "set MC_AGENTS_DIR to a folder you may write"
need_cmd flock util-linux
# One at a time: two runs would fill the same folders.
exec 9>"$AGENTS_DIR/lock"
flock -w 600 9 || die "another installation holds $AGENTS_DIR/lock for ten minutes" "wait for it, or end it"
rm -rf -- "$AGENTS_DIR"/.new-*
for name in "$@"; do install_agent "$name"; done
