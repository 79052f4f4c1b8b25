#!/usr/bin/env bash
# Makes the README's terminal recording as text: brings an installation of its own up with scripts/dev-up.sh and its demo, then
# types the README's lines into a shell whose environment has HOME and PATH only, and writes down those lines and all that they
# print. An agent asks for a permission, its node daemon is killed and the agent stays, the permission is answered, the ledger is
# verified, a commit of the Git ledger says where it comes from.
#
#   scripts/record-demo.sh                  prints it, at most 15 lines
#   scripts/record-demo.sh --compare FILE   fails unless FILE holds these lines, one after the other
#
# Of what is printed only ids, hashes, pids and counts are replaced, so that two runs print the same. The agent's pid is replaced
# where it is the first one; another one stays as it is, and the recording differs. Between two lines it waits, as typing does.
#
# MC_BIN_DIR   folder of the programs (default: where scripts/dev-up.sh builds)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

COMPARE=''
case ${1:-} in
  '') ;;
  --compare) COMPARE=${2:-} && [ -r "$COMPARE" ] || usage_error "--compare takes a file, not '${2:-}'" ;;
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) usage_error "unknown argument '$1'" ;;
esac

require_linux
need_cmd git
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc" "build it: scripts/dev-up.sh --no-demo"
PATH=$BIN:$PATH
WORK=$(mktemp -d)
export HOME=$WORK/home
# Where the README's lines look for it.
DIR=$HOME/.local/share/missioncontrol
RECORD=$WORK/record
# typed LINE: what a reader's shell does with it.
typed() { env -i HOME="$HOME" PATH="$PATH" LANG=C.UTF-8 bash -c "$1" </dev/null; }
finish() {
  local code=$?
  trap - EXIT
  [ ! -d "$DIR" ] || typed 'mc down' >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p -- "$HOME"
env -i HOME="$HOME" PATH="$PATH" LANG=C.UTF-8 MC_BIN_DIR="$BIN" MC_HTTP=127.0.0.1:0 "$MC_SCRIPTS/dev-up.sh" </dev/null >"$WORK/up" 2>&1 ||
  die "scripts/dev-up.sh failed" "$(tail -n 2 "$WORK/up")"

# What differs from run to run; the agent's pid joins it when it is known.
cat >"$WORK/fixed" <<'SED'
s/\b([a-z]+)_[0-9a-f]{32}\b/\1_…/g
s/\b[0-9a-f]{64}\b/…/g
s/^(ok: )[0-9]+( events, .*) at [0-9]+$/\141\2 at 41/
s/^( *Ledger: )[0-9]+-[0-9]+$/\11-31/
SED
# show LINE: writes the line down, runs that very line, and writes down all that it prints.
show() {
  printf '$ %s\n' "$1" >>"$RECORD"
  typed "$1" >"$WORK/out" 2>&1 || die "'$1' failed" "$(tail -n 2 "$WORK/out")"
  sed -E -f "$WORK/fixed" -- "$WORK/out" >>"$RECORD"
}
# until_true SECONDS COMMAND...
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "timed out: $*" "run it again with the machine idle; the node said last: $(tail -n 1 "$DIR/logs/mesh.log")"
    sleep 0.1
  done
}
# agent_pid: of the session that asks, as the control plane knows it; fails while none asks.
agent_pid() {
  AGENT=$(typed 'mc get sessions -m apollo --state requires_action -o json' | sed -n 's/^ *"agent_pid": \([0-9]*\),\{0,1\}$/\1/p')
  [ -n "$AGENT" ]
}
has_new_node() { read_pid_file "$DIR/run/mesh.pid" && [ "$RUN_PID" != "$NODE" ] && agent_pid; }
is_sealed() { typed 'mc ledger verify -o json' | grep -q '"unsealed": \{0,1\}0\b'; }

show "mc create task -m apollo -k survey --title 'Fold the parachute' --description '/ask write parachute.md'"
TASK=$(sed -n 's|^task/\([a-z0-9-]*\) created$|\1|p' "$WORK/out")
[ -n "$TASK" ] || die "no task was created" "$(cat "$WORK/out")"
until_true 60 agent_pid
FIRST=$AGENT BORN=$(proc_start_time "$AGENT") || die "the agent $AGENT is not alive" "$DIR/logs/mesh.log"
printf 's/\\b%s\\b/4711/g\n' "$FIRST" >>"$WORK/fixed"
SESSION="mc get sessions -m apollo --state requires_action -o wide | awk 'NR > 1 { print \$2, \$3, \"pid\", \$7 }'"
show "$SESSION"
read_pid_file "$DIR/run/mesh.pid" || die "the node does not run" "$DIR/logs/mesh.log"
NODE=$RUN_PID
show "kill -9 \$(cut -d ' ' -f 1 ~/.local/share/missioncontrol/run/mesh.pid)"
until_true 30 has_new_node
proc_is "$FIRST" "$BORN" || die "the agent ended with its node daemon" "$DIR/logs/mesh.log"
show "$SESSION"
show "mc approve \$(mc get approvals -m apollo --state open -o name)"
typed "mc wait task $TASK --for state=done --timeout 60s" >"$WORK/out" 2>&1 || die "the task $TASK is not done" "$(tail -n 1 "$WORK/out")"
until_true 10 is_sealed
show "mc ledger verify"
show "git --git-dir ~/.local/share/missioncontrol/ledger.git log -1 | grep -E 'by:|Ledger:'"

[ "$(wc -l <"$RECORD")" -le 15 ] || { cat -- "$RECORD" >&2 && die "the recording has more than 15 lines" "shorten scripts/record-demo.sh"; }
cat -- "$RECORD"
[ -z "$COMPARE" ] || awk 'NR == FNR { want[++n] = $0; next } { hit = ($0 == want[at + 1]) ? at + 1 : ($0 == want[1]); at = hit; if (at == n) found = 1 } END { exit !found }' "$RECORD" "$COMPARE" ||
  die "$COMPARE does not hold this recording" "put the lines above into it"
