#!/usr/bin/env bash
# Makes the README's terminal recording as text, from a real run on an installation of its own: a permission is asked and
# answered, the node daemon is killed and the agent stays, the ledger is verified, the commit carries its provenance.
#
#   scripts/record-demo.sh                  prints it, at most 15 lines
#   scripts/record-demo.sh --compare FILE   fails unless FILE holds these lines, one after the other
#
# Ids, pids, hashes and counts are replaced by fixed words, so that two runs print the same.
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
BIN=$(bin_dir)
[ -x "$BIN/mc" ] || die "there is no program $BIN/mc" "build it: scripts/dev-up.sh --no-demo"
PATH=$BIN:$PATH
WORK=$(mktemp -d)
DIR=$WORK/data
RECORD=$WORK/record
finish() {
  local code=$?
  trap - EXIT
  mc down --data-dir "$DIR" >"$WORK/down" 2>&1 || { cat "$WORK/down" >&2 && code=1; }
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export MC_CONFIG=$WORK/config.yaml
unset MC_TOKEN MC_BASE_URL MC_HTTP MC_GRPC MC_MQTT

member() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$2" | head -n 1; }
quiet() { "$@" >"$WORK/out" 2>&1 || die "'$*' failed" "$(tail -n 2 "$WORK/out")"; }
line() { printf '%s\n' "$*" >>"$RECORD"; }
# agent_pid: of the one agent session, as the control plane sees it.
agent_pid() { mc get session "$SESSION" -o json >"$WORK/session" && member agent_pid "$WORK/session"; }
# until_true SECONDS COMMAND...
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "timed out: $*" "the logs are in $DIR/logs; run it again with the machine idle"
    sleep 0.1
  done
}
has_approval() { APPROVAL=$(mc get approvals -m apollo --state open -o name | head -n 1) && APPROVAL=${APPROVAL#*/} && [ -n "$APPROVAL" ]; }
has_new_node() { read_pid_file "$DIR/run/mesh.pid" && [ "$RUN_PID" != "$NODE" ]; }

quiet mc up --detach --data-dir "$DIR" --http 127.0.0.1:0
quiet mc auth login --as reviewer --role contributor --ttl 1h --context reviewer
quiet mc config use-context local
quiet mc apply -f "$MC_REPO/examples/apollo.yaml"
line "\$ mc apply -f examples/apollo.yaml"
until_true 60 has_approval
SESSION=$(mc get sessions -m apollo -o name | head -n 1)
SESSION=${SESSION#*/}
BEFORE=$(agent_pid)
[ -n "$BEFORE" ] || die "the session shows no agent" "mc get session $SESSION -o json"
line "\$ mc get approvals            # an agent claimed the first task and asks"
line "apr_…  open  write survey.md"
read_pid_file "$DIR/run/mesh.pid" || die "the node does not run" "$DIR/logs/mesh.log"
NODE=$RUN_PID
kill -KILL "$NODE"
until_true 30 has_new_node
proc_start_time "$BEFORE" >/dev/null || die "the agent ended with its node daemon" "$DIR/logs/mesh.log"
line "\$ kill -9 \$(pidof mc-mesh)    # the node daemon"
line "\$ mc get session ses_… -o json | grep agent_pid"
AFTER=$(agent_pid)
[ "$AFTER" = "$BEFORE" ] || die "the agent has another pid: $BEFORE before, $AFTER after" "$DIR/logs/mesh.log"
line "  \"agent_pid\": 4711,          # the same as before"
quiet mc approve "$APPROVAL" --context reviewer
quiet mc wait task count -m apollo -k survey --for state=done --timeout 90s
line "\$ mc approve apr_… && mc wait task count --for state=done"
KEY=$(mc get task count -m apollo -k survey -o json >"$WORK/task" && member key "$WORK/task")
quiet mc publish --task "$KEY" -m apollo --message 'Survey of sector 7'
until_true 20 has_approval
quiet mc approve "$APPROVAL" --context reviewer
PUBLICATION=$(mc get publications -m apollo -o name | head -n 1)
quiet mc wait publication "${PUBLICATION#*/}" --for state=published --timeout 30s
line "\$ mc publish --task $KEY      # approved by a second login"
line "\$ mc ledger verify"
mc ledger verify | sed -E 's/^(ok): [0-9]+ events, .*/\1: 41 events, chain complete/' >>"$RECORD"
line "\$ git --git-dir DIR/ledger.git log -1"
git --git-dir "$DIR/ledger.git" log -1 --format='%s%n%(trailers:key=Requested-by,unfold)%(trailers:key=Approved-by,unfold)' main 2>/dev/null |
  sed '/^$/d' >>"$RECORD"

[ "$(wc -l <"$RECORD")" -le 15 ] || die "the recording has more than 15 lines" "shorten scripts/record-demo.sh"
cat -- "$RECORD"
[ -z "$COMPARE" ] || awk 'NR == FNR { want[++n] = $0; next } { hit = ($0 == want[at + 1]) ? at + 1 : ($0 == want[1]); at = hit; if (at == n) found = 1 } END { exit !found }' "$RECORD" "$COMPARE" ||
  die "$COMPARE does not hold this recording" "put the lines above into it"
