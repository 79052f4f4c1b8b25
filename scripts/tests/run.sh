#!/usr/bin/env bash
# Tests of the scripts themselves. Programs that take long or are not built are replaced by small fakes on PATH; pids,
# ports, signals, locks and files are real. No network, no compiler, about ten seconds.
#
#   scripts/tests/run.sh [NAME-PART]   only the tests whose name contains NAME-PART
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)/../lib.sh"

ONLY=${1:-}
HERE=$MC_SCRIPTS/tests
ROOT=$(mktemp -d)
PASSED=0 BROKEN=()

unset MC_TOKEN MC_BASE_URL MC_HTTP MC_STACK_PROFILE MC_DATABASE_URL MC_BIN_DIR MC_UP_TIMEOUT MC_DOWN_TIMEOUT FAKE_MODE
unset RUSTUP_HOME RUSTUP_TOOLCHAIN CARGO_HOME CARGO_TARGET_DIR CI

trap 'rm -rf -- "$ROOT"' EXIT

# free_port: one nobody listens on.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    port_listening "$port" || { printf '%s\n' "$port" && return; }
  done
}

# it NAME: runs the function of that name in a fresh folder; a failing command in it fails the test.
it() {
  local name=$1 dir=$ROOT/$1 code
  case $name in *"$ONLY"*) ;; *) return 0 ;; esac
  mkdir -p -- "$dir/bin"
  # Not as the condition of an if: there bash would ignore errexit, and only the last command would count.
  (
    set -eE
    trap 'printf "  %s: line %s: %s\n" "$name" "$LINENO" "$BASH_COMMAND" >&2' ERR
    cd -- "$dir"
    "$name"
  ) >"$dir/output" 2>&1
  code=$?
  if [ "$code" = 0 ]; then
    PASSED=$((PASSED + 1))
  else
    BROKEN+=("$name")
    sed 's/^/  | /' "$dir/output" >&2
  fi
  # Whatever a test left running is ended by its pid file, with the identity check of the scripts.
  if read_pid_file "$dir/data/run/controlplane.pid"; then kill -KILL "$RUN_PID" 2>/dev/null || true; fi
}

# expect CODE COMMAND...: runs it, keeps its output in ./last, compares the exit code.
expect() {
  local want=$1 code=0
  shift
  "$@" >last 2>&1 || code=$?
  cat last
  [ "$code" = "$want" ] || {
    printf 'exit code %s instead of %s: %s\n' "$code" "$want" "$*"
    return 1
  }
}

# refuse COMMAND...: it must fail. (A plain `! command` does not trigger errexit.)
refuse() {
  if "$@"; then
    printf 'this should have failed: %s\n' "$*"
    return 1
  fi
}

said() { grep -q -- "$1" last || { printf 'the output lacks: %s\n' "$1"; return 1; }; }
not_said() { ! grep -q -- "$1" last || { printf 'the output has: %s\n' "$1"; return 1; }; }

fake() {
  mkdir -p bin
  printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
  chmod +x "bin/$1"
}

# with_server: environment of dev-up with the fake control plane and a free port.
with_server() {
  cp "$HERE/fake-controlplane" bin/mc-controlplane
  chmod +x bin/mc-controlplane
  export MC_BIN_DIR=$PWD/bin MC_DATA_DIR=$PWD/data MC_UP_TIMEOUT=10
  MC_HTTP=127.0.0.1:$(free_port)
  export MC_HTTP
}
up() { "$MC_SCRIPTS/dev-up.sh" "$@"; }
down() { "$MC_SCRIPTS/dev-down.sh" "$@"; }
server_pid() { read_pid_file data/run/controlplane.pid && printf '%s\n' "$RUN_PID"; }

# ---- lib.sh ---------------------------------------------------------------------------------------------------------

versions_compare_as_numbers() {
  version_at_least 1.95.0 1.95
  version_at_least 1.100.0 1.95
  version_at_least 2.0.0-nightly 1.95
  refuse version_at_least 1.94.9 1.95
}

a_process_is_known_by_its_start_time() {
  sleep 60 &
  local pid=$! start
  start=$(proc_start_time "$pid")
  proc_is "$pid" "$start"
  refuse proc_is "$pid" "$((start + 1))"
  refuse proc_is "$pid" ''
  refuse proc_is '' "$start"
  refuse proc_is '12 34' "$start"
  kill "$pid"
  wait_gone "$pid" "$start" 5
  refuse proc_is "$pid" "$start"
}

a_port_has_a_named_holder() {
  local port
  port=$(free_port)
  refuse port_listening "$port"
  "$HERE/fake-controlplane" --data-dir "$PWD" --http "127.0.0.1:$port" &
  local pid=$!
  for _ in $(seq 50); do port_open 127.0.0.1 "$port" && break || sleep 0.1; done
  port_listening "$port"
  case $(port_holder "$port") in "pid $pid "*fake-controlplane*) ;; *) kill "$pid"; return 1 ;; esac
  [ "$(http_status 127.0.0.1 "$port" /readyz)" = 200 ]
  [ "$(http_status 127.0.0.1 "$port" /other)" = 404 ]
  kill "$pid"
}

old_rust_without_rustup_is_refused_with_the_command() {
  fake rustc 'echo "rustc 1.80.0 (x 2024-01-01)"'
  fake cargo 'echo "cargo 1.80.0"'
  expect 1 env PATH="$PWD/bin:/usr/bin:/bin" HOME="$PWD" bash -euo pipefail -c '. "$1"; need_rust' _ "$MC_SCRIPTS/lib.sh"
  said 'found 1.80.0'
  said 'rustup toolchain install 1.95'
}

old_rust_is_replaced_through_rustup() {
  fake rustc 'if [ "$RUSTUP_TOOLCHAIN" = 1.95.0 ]; then echo "rustc 1.95.0 (x)"; else echo "rustc 1.80.0 (x)"; fi'
  fake cargo 'echo "cargo 1.95.0"'
  fake rustup 'echo "$@" >>rustup-calls'
  expect 0 env PATH="$PWD/bin:/usr/bin:/bin" HOME="$PWD" bash -euo pipefail -c '. "$1"; need_rust' _ "$MC_SCRIPTS/lib.sh"
  grep -q 'toolchain install 1.95.0' rustup-calls
}

a_toolchain_beside_cargo_serves_an_empty_home() {
  mkdir -p kept/.cargo/bin kept/.rustup/toolchains home
  fake rustc "[ \"\$RUSTUP_HOME\" = '$PWD/kept/.rustup' ] && echo 'rustc 1.95.0 (x)'"
  fake cargo 'echo "cargo 1.95.0"'
  mv bin/rustc bin/cargo kept/.cargo/bin
  expect 0 env -i PATH="$PWD/kept/.cargo/bin:/usr/bin:/bin" HOME="$PWD/home" \
    bash -euo pipefail -c '. "$1"; need_rust; echo "$RUSTUP_HOME"' _ "$MC_SCRIPTS/lib.sh"
  said "$PWD/kept/.rustup"
}

# ---- dev-up, dev-down -----------------------------------------------------------------------------------------------

up_starts_once_and_down_ends_it() {
  with_server
  local pid
  expect 0 up --no-demo
  said "up: http://$MC_HTTP"
  not_said generated
  pid=$(server_pid)
  [ "$(stat -c %a data/token)" = 600 ]
  [ "$(stat -c %a data/log/controlplane.log)" = 600 ]
  expect 0 up --no-demo
  said "already up: http://$MC_HTTP (pid $pid)"
  expect 0 down
  said "stopped (pid $pid)"
  refuse proc_start_time "$pid"
  expect 0 down
  said 'not running'
}

up_again_finds_the_address_it_was_started_with() {
  with_server
  local first=$MC_HTTP
  expect 0 up --no-demo
  MC_HTTP=127.0.0.1:$(free_port)
  expect 0 up --no-demo
  said "already up: http://$first"
  expect 0 down
}

up_does_not_hold_its_lock_after_it_ended() {
  with_server
  expect 0 up --no-demo
  flock -n data/run/dev-up.lock true
  expect 0 down
}

up_survives_the_end_of_its_terminal_session() {
  with_server
  setsid --wait bash -c '"$1/dev-up.sh" --no-demo' _ "$MC_SCRIPTS"
  server_pid
  expect 0 down
}

up_waits_for_a_slow_start() {
  with_server
  FAKE_MODE=slow expect 0 up --no-demo
  expect 0 down
}

up_gives_up_at_the_deadline_and_leaves_nothing() {
  with_server
  FAKE_MODE=never MC_UP_TIMEOUT=1 expect 1 up --no-demo
  said 'not ready within 1 s'
  said '503'
  refuse port_listening "${MC_HTTP##*:}"
  [ ! -e data/run/controlplane.pid ]
}

up_shows_why_the_server_died() {
  with_server
  FAKE_MODE=dies expect 1 up --no-demo
  said 'cannot open the database'
  said 'ended'
  [ ! -e data/run/controlplane.pid ]
}

up_names_the_holder_of_a_busy_port() {
  with_server
  "$HERE/fake-controlplane" --data-dir "$PWD" --http "$MC_HTTP" 2>/dev/null &
  local pid=$!
  for _ in $(seq 50); do port_open 127.0.0.1 "${MC_HTTP##*:}" && break || sleep 0.1; done
  expect 1 up --no-demo
  kill "$pid"
  said "already used by pid $pid"
  said 'MC_HTTP='
}

up_refuses_a_token_that_differs_from_the_stored_one() {
  with_server
  mkdir -p data
  printf 'stored-token' >data/token
  MC_TOKEN=other-token expect 1 up --no-demo
  said "$PWD/data/token"
  not_said other-token
  not_said stored-token
  MC_TOKEN=stored-token expect 0 up --no-demo
  expect 0 down
}

up_does_not_take_a_session_token_for_a_bootstrap_token() {
  with_server
  MC_TOKEN=mcs_abc expect 0 up --no-demo
  said 'not used as bootstrap token'
  [ "$(cat data/token)" = generated ]
  expect 0 down
}

up_refuses_what_it_cannot_do() {
  with_server
  expect 2 up --frob
  MC_HTTP=8008 expect 1 up --no-demo
  said 'HOST:PORT'
  MC_HTTP=127.0.0.1:99999 expect 1 up --no-demo
  said 'HOST:PORT'
  MC_STACK_PROFILE=huge expect 1 up --no-demo
  said 'quickstart or full'
  MC_STACK_PROFILE=full expect 1 up --no-demo
  said MC_DATABASE_URL
  MC_BIN_DIR=$PWD/none expect 1 up --no-demo
  said 'no program mc-controlplane'
  MC_DATA_DIR=/proc/none expect 1 up --no-demo
  said 'cannot write the data folder'
}

up_hands_on_the_profile() {
  with_server
  MC_STACK_PROFILE=full MC_DATABASE_URL=postgres://u@127.0.0.1/d expect 0 up --no-demo
  grep -q 'profile full' data/log/controlplane.log
  expect 0 down
}

up_says_that_the_demo_is_not_built() {
  with_server
  expect 0 up
  said 'demo: not built yet'
  expect 0 down
}

up_ignores_a_pid_file_of_a_process_that_is_gone() {
  with_server
  sleep 60 &
  local pid=$!
  mkdir -p data/run
  printf '%s 1\n' "$pid" >data/run/controlplane.pid # alive, but started at another time
  expect 0 up --no-demo
  said '^up: http'
  expect 0 down
  kill "$pid"
}

down_leaves_a_stranger_alone() {
  with_server
  sleep 60 &
  local pid=$!
  mkdir -p data/run
  printf '%s 1\n' "$pid" >data/run/controlplane.pid
  expect 0 down
  said 'is gone'
  kill -0 "$pid"
  kill "$pid"
}

down_escalates_to_sigkill() {
  with_server
  FAKE_MODE=stubborn expect 0 up --no-demo
  local pid
  pid=$(server_pid)
  MC_DOWN_TIMEOUT=1 expect 0 down
  said SIGKILL
  said "stopped (pid $pid)"
  refuse proc_start_time "$pid"
}

# ---- install-mc -----------------------------------------------------------------------------------------------------

install() { PATH="$PWD/first:$PWD/bin:/usr/bin:/bin" HOME=$PWD "$MC_SCRIPTS/install-mc.sh" "$@"; }
ours() {
  mkdir -p built
  printf '#!/bin/sh\necho "mc 0.1.0"\n' >built/mc
  chmod +x built/mc
}

install_copies_and_reports() {
  ours
  expect 0 install --from built/mc --dir bin
  said 'MissionControl 0.1.0'
  not_said warning
  expect 0 install --from built/mc --dir bin
}

install_tells_when_midnight_commander_comes_first() {
  ours
  mkdir first
  printf '#!/bin/sh\necho "GNU Midnight Commander 4.8.29"\n' >first/mc
  chmod +x first/mc
  expect 0 install --from built/mc --dir bin
  said "still starts $PWD/first/mc (Midnight Commander)"
  said '--as mctl'
  expect 0 install --from built/mc --dir bin --as mctl
  not_said 'still starts'
  [ -x bin/mctl ]
}

install_does_not_overwrite_the_minio_client() {
  ours
  fake mc 'mkdir -p "$HOME/.mc"; echo "mc version RELEASE.2024-01-01T00-00-00Z"'
  expect 1 install --from built/mc --dir bin
  said 'the MinIO client; it is not overwritten'
  grep -q RELEASE bin/mc
  [ ! -e .mc ]
}

install_says_what_is_missing() {
  expect 1 install --from nothing --dir bin
  said 'there is no program'
  expect 2 install --from
  expect 2 install --as ../x
  ours
  expect 0 install --from built/mc --dir elsewhere
  said 'not on PATH'
}

# ---- test.sh --------------------------------------------------------------------------------------------------------

# fake_cargo [PATTERN]: writes its calls down; fails those that contain PATTERN.
fake_cargo() {
  fake rustc 'echo "rustc 1.95.0 (x)"'
  fake cargo "case \"\$*\" in --version) echo 'cargo 1.95.0'; exit ;; 'nextest --version') exit \${NO_NEXTEST:-0} ;; esac
echo \"\$*|\${MC_TEST_POSTGRES_URL:-none}\" >>'$PWD/calls'
case \"\$*\" in *'${1:-never such}'*) exit 101 ;; esac
[ -z \"\${SAY_SKIP:-}\" ] || echo \"\$SAY_SKIP\" >>\"\$MC_TEST_SKIPPED_FILE\""
}
# Script tests are not run from inside script tests: --quick.
test_sh() {
  fake_npm
  env -u CI PATH="$PWD/bin:$PATH" HOME="$PWD" MC_AGENTS_DIR="$PWD/agents" "$@" "$MC_SCRIPTS/test.sh" --quick
}

test_run_calls_the_phases_with_the_given_server() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given CI=true
  said 'skipped: nothing'
  said 'all passed'
  said 'total'
  grep -qx 'fmt --all --check|postgres://given' calls
  grep -qx 'nextest run --workspace --locked --no-fail-fast|postgres://given' calls
  refuse grep -q clippy calls
}

test_run_falls_back_to_cargo_test() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given NO_NEXTEST=101
  said 'cargo-nextest is not installed'
  grep -q '^test --workspace --locked' calls
}

test_run_fails_when_a_phase_fails_and_runs_the_others() {
  fake_cargo fmt
  expect 1 test_sh MC_TEST_POSTGRES_URL=postgres://given
  said 'FAILED: format'
  grep -q nextest calls
}

test_run_prints_skips_and_refuses_them_in_ci() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given SAY_SKIP='no agent installed'
  said '  no agent installed'
  expect 1 test_sh MC_TEST_POSTGRES_URL=postgres://given SAY_SKIP='no agent installed' CI=true
  said 'something was skipped in CI'
}

test_run_without_postgres_is_a_skip_here_and_a_failure_in_ci() {
  fake_cargo
  expect 0 test_sh MC_DEV_DIR=/proc/none
  said 'every test on PostgreSQL: no server could be started'
  grep -q 'nextest.*|none' calls
  expect 1 test_sh MC_DEV_DIR=/proc/none CI=true
  said 'FAILED: postgres'
  expect 2 env CI=true "$MC_SCRIPTS/test.sh" --no-postgres
}

test_run_without_the_agent_is_a_skip_here_and_a_failure_in_ci_or_when_asked_for() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given NPM_FAILS=1
  said 'the tests of third-party agents: codex cannot be installed'
  expect 1 test_sh MC_TEST_POSTGRES_URL=postgres://given NPM_FAILS=1 MC_TEST_AGENTS=codex
  said 'FAILED: agents'
  expect 1 test_sh MC_TEST_POSTGRES_URL=postgres://given NPM_FAILS=1 CI=true
  said 'FAILED: agents'
}

# ---- third-party-agents.sh ------------------------------------------------------------------------------------------

# fake_npm: stands for npm and node; writes its calls down and "installs" the program codex-acp.
fake_npm() {
  fake node 'echo v20.0.0'
  fake npm "echo \"\$*\" >>'$PWD/npm-calls'
[ -z \"\${NPM_FAILS:-}\" ] || { echo 'ENOTFOUND registry'; exit 1; }
mkdir -p node_modules/.bin
[ -n \"\${NPM_EMPTY:-}\" ] || { echo >node_modules/.bin/codex-acp; chmod +x node_modules/.bin/codex-acp; }"
}
agents() { env -i PATH="$PWD/bin:/usr/bin:/bin" MC_AGENTS_DIR="$PWD/agents" "$@" "$MC_SCRIPTS/third-party-agents.sh"; }

agents_are_installed_once_and_again_when_the_pin_moves() {
  fake_npm
  expect 0 agents
  [ -x agents/codex/node_modules/.bin/codex-acp ]
  grep -q -- '--ignore-scripts.* @zed-industries/codex-acp@' npm-calls
  expect 0 agents HOME=
  said 'is installed'
  [ "$(wc -l <npm-calls)" = 1 ]
  echo 'codex-acp@0.0.1' >agents/codex/installed
  expect 0 agents
  [ "$(wc -l <npm-calls)" = 2 ]
}

agents_say_why_they_cannot_be_installed() {
  fake_npm
  expect 1 agents NPM_FAILS=1
  said 'npm: ENOTFOUND registry'
  said 'fix: check the network'
  expect 1 agents NPM_EMPTY=1
  said 'has no program codex-acp'
  fake node 'echo v16.2.0'
  expect 1 agents
  said 'Node 18 or newer is needed, found v16.2.0'
  [ ! -e agents/codex ]
  expect 2 "$MC_SCRIPTS/third-party-agents.sh" unknown
}

# Helpers have short names; a test's name states a fact in at least three words.
mapfile -t TESTS < <(sed -n 's/^\([a-z]*_[a-z]*_[a-z_]*\)() {$/\1/p' "${BASH_SOURCE[0]}")
for name in "${TESTS[@]}"; do it "$name"; done

say "script tests: $PASSED passed, ${#BROKEN[@]} failed"
[ "${#BROKEN[@]}" -eq 0 ] || {
  printf 'FAILED: %s\n' "${BROKEN[@]}" >&2
  exit 1
}
[ "$PASSED" -gt 0 ] || die "no test has '$ONLY' in its name" "run it without an argument"
