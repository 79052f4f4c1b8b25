#!/usr/bin/env bash
# Shows one mission from end to end on a running installation: an agent takes a task, asks for permission, is answered,
# finishes; its result is approved, published to the Git ledger and verified.
#
#   scripts/demo.sh
#
# With a terminal the person in front of it is asked first (60 s each time). Without one, or without an answer, the
# script decides as the user demo-approver, and says so. Each run makes a mission of its own: apollo, apollo-2, …
#
# MC_DATA_DIR   the installation (default: ~/.local/share/missioncontrol)
# MC_BIN_DIR    folder of the programs (default: where scripts/dev-up.sh builds)
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

LIMIT=${MC_DEMO_TIMEOUT:-60}
DIR=$(mc_data_dir quickstart)
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc" "build it: scripts/dev-up.sh --no-demo"
[ -r "$DIR/token" ] || die "there is no installation in $DIR" "start one: scripts/dev-up.sh --no-demo"
PATH=$BIN:$PATH
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
# The user's own contexts stay as they are.
export MC_CONFIG=$WORK/config.yaml
unset MC_TOKEN MC_BASE_URL
# Running already, it prints where it is and writes the context `local` into the configuration above.
mc up --detach --data-dir "$DIR" >"$WORK/up" 2>&1 || die "the installation in $DIR does not answer" "$(tail -n 1 "$WORK/up")"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'; else BOLD='' DIM='' PLAIN=''; fi
STEP=0
step() {
  STEP=$((STEP + 1))
  printf '%s%d. %s%s\n' "$BOLD" "$STEP" "$1" "$PLAIN"
}
# show COMMAND...: prints the command and what it says.
show() {
  printf '   %s$ %s%s\n' "$DIM" "${*//$WORK\//}" "$PLAIN"
  "$@" >"$WORK/out" 2>"$WORK/err" || { sed 's/^/   /' "$WORK/out" "$WORK/err" >&2; die "'$*' failed" "read its message above; the logs are in $DIR/logs"; }
  sed -e '/^$/d' -e 's/^/   /' "$WORK/out"
}

# mission_name: the first of apollo, apollo-2, … that does not exist.
mission_name() {
  local n=1 name=apollo
  while mc get mission "$name" -o name >/dev/null 2>&1; do
    n=$((n + 1)) name=apollo-$n
    [ "$n" -lt 1000 ] || die "a thousand missions are called apollo-…" "delete some of them, or start afresh with another MC_DATA_DIR"
  done
  printf '%s\n' "$name"
}

# open_approval: waits until a decision is asked for in the mission, and prints its id.
open_approval() {
  local deadline=$((SECONDS + LIMIT)) found
  while [ "$SECONDS" -lt "$deadline" ]; do
    found=$(mc get approvals -m "$MISSION" --state open -o name | head -n 1)
    [ -z "$found" ] || { printf '%s\n' "${found#*/}" && return; }
    sleep 0.2
  done
  return 1
}

# decide APPROVAL: asks the person at the terminal, else decides as demo-approver.
decide() {
  local answer=''
  if [ -t 0 ] && [ -t 1 ]; then
    printf '   %sApprove? [y/n, 60 s]%s ' "$BOLD" "$PLAIN"
    read -r -t 60 answer || printf '(no answer)\n'
  fi
  case $answer in
    [nN]*)
      mc reject "$1" --context approver --note 'rejected at the terminal' >/dev/null
      die "you rejected $1, so the demo ends here" "run scripts/demo.sh again"
      ;;
    [yY]*) mc approve "$1" --context approver --note 'approved at the terminal' >/dev/null && printf '   approved for you, as the user demo-approver\n' ;;
    *) mc approve "$1" --context approver --note 'approved by the demo script' >/dev/null && printf '   approved by this script, as the user demo-approver\n' ;;
  esac
}

mc auth login --as demo-approver --role contributor --ttl 1h --context approver >/dev/null
mc config use-context local >/dev/null
MISSION=$(mission_name)

step "A mission with two tasks. The second one waits for the first."
sed "s/\bapollo\b/$MISSION/" "$MC_REPO/examples/apollo.yaml" >"$WORK/mission.yaml"
show mc apply -f "$WORK/mission.yaml"

step "The node takes the first task and starts an agent. It asks before it writes:"
APPROVAL=$(open_approval) || die "no agent asked for permission within $LIMIT s" "mc describe task count -m $MISSION -k survey; mc get sessions -A; logs in $DIR/logs"
show mc get approvals -m "$MISSION" --state open
decide "$APPROVAL"

# finished TASK: waits until it is done.
finished() {
  mc wait task "$1" -m "$MISSION" -k survey --for state=done --timeout "${LIMIT}s" >/dev/null 2>"$WORK/out" ||
    die "the task $1 is not done: $(tail -n 1 "$WORK/out")" "mc describe task $1 -m $MISSION -k survey"
}
step "It is answered and goes on; then the second task begins by itself, and its agent asks, too."
finished count
APPROVAL=$(open_approval) || die "no agent asked for permission within $LIMIT s" "mc describe task choose -m $MISSION -k survey; mc get sessions -A; logs in $DIR/logs"
decide "$APPROVAL"
finished choose
show mc get tasks -m "$MISSION"

step "The result is published to the Git ledger, when somebody else agrees."
KEY=$(mc get task count -m "$MISSION" -k survey -o json | sed -n 's/^ *"key": "\(.*\)",\{0,1\}$/\1/p')
show mc publish --task "$KEY" -m "$MISSION" --message survey
APPROVAL=$(open_approval) || die "no approval was asked for the publication" "mc get publications -m $MISSION"
decide "$APPROVAL"
PUBLICATION=$(mc get publications -m "$MISSION" -o name | head -n 1)
mc wait publication "${PUBLICATION#*/}" --for state=published --timeout "${LIMIT}s" >/dev/null ||
  die "it was not published" "mc describe $PUBLICATION; $DIR/logs/controlplane.log"
show git --git-dir "$DIR/ledger.git" log -1 --format='%h %s%n%(trailers:only,unfold)' main

step "Every change is in a chain of hashes, recomputed here:"
show mc ledger verify
printf '%sTry:%s mc get tasks -A · mc describe task count -m %s -k survey · mc ledger log --tail 20\n' "$BOLD" "$PLAIN" "$MISSION"
