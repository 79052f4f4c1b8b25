#!/usr/bin/env bash
# Tests of the Helm chart charts/missioncontrol.
#
#   scripts/chart-test.sh                 everything: lint, then install, upgrade, roll back, test and uninstall every set of
#                                         values against a real kube-apiserver with etcd, on loopback and free ports
#   scripts/chart-test.sh --lint-only     what needs no API server, in seconds: lint of every set, the schema against good and
#                                         bad values, README, alerts, dashboard and variables against the sources
#   scripts/chart-test.sh --if-cached     everything when the API server was built before, else as --lint-only
#   scripts/chart-test.sh --bless         writes the table of values in the chart's README anew
#   scripts/chart-test.sh ... NAME        only sets of values whose name contains NAME
#
# Helm is the library in the PyPI package helm-sdkpy, pinned by digest, in .cache/chart. The API server comes from
# scripts/kube-apiserver.sh, which builds it once, in minutes. No kubelet and no controller runs: no pod is ever scheduled. With
# MC_BIN_DIR=FOLDER the real programs in it are started with the variables and arguments that are rendered; with
# MC_TEST_POSTGRES_URL too, two replicas on one database.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

MODE=all NAME=
for argument in "$@"; do
  case $argument in
    --lint-only | --if-cached | --bless) MODE=${argument#--} ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*) usage_error "unknown argument '$argument'" ;;
    *) NAME=$argument ;;
  esac
done

PACKAGE=helm-sdkpy==0.1.32
SHA256=bcf5bf73cacc373bebedfb9c988969aa12a9eda86a140deba658fbf28eb789c5
CACHE=$MC_REPO/.cache/chart
TESTS=$MC_REPO/charts/tests
[ "$(uname -sm)" = 'Linux x86_64' ] || die "the pinned Helm library is for Linux on x86_64; this is $(uname -sm)" "run it there, or in CI"

install_python() {
  local stamp
  stamp=$(sha256sum "$TESTS/requirements.txt")
  [ "$(cat "$CACHE/venv/stamp" 2>/dev/null || true)" != "$stamp" ] || return 0
  need_cmd python3
  python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  rm -rf -- "$CACHE/venv"
  say "installing the Python packages of charts/tests"
  python3 -m venv "$CACHE/venv" && "$CACHE/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$TESTS/requirements.txt" >"$CACHE/pip.log" 2>&1 || die "pip could not install charts/tests/requirements.txt" "read $CACHE/pip.log"
  printf '%s\n' "$stamp" >"$CACHE/venv/stamp"
}

# The wheel says Python 3.12, and runs on 3.11.
install_helm() {
  [ "$(cat "$CACHE/helm/stamp" 2>/dev/null || true)" != "$SHA256" ] || return 0
  local new
  new=$(mktemp -d -- "$CACHE/.new-XXXXXX")
  say "installing $PACKAGE"
  printf '%s --hash=sha256:%s\n' "$PACKAGE" "$SHA256" >"$new/requirements.txt"
  "$CACHE/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --python-version 3.12 \
    --only-binary=:all: -r "$new/requirements.txt" -d "$new" >"$CACHE/pip.log" 2>&1 ||
    die "pip could not download $PACKAGE" "check the network; the log is $CACHE/pip.log"
  "$CACHE/venv/bin/python" -m zipfile -e "$new"/*.whl "$new/helm"
  printf '%s\n' "$SHA256" >"$new/helm/stamp"
  rm -rf -- "$CACHE/helm"
  mv -- "$new/helm" "$CACHE/helm"
  rm -rf -- "$new"
}

# promtool comes out of the package prometheus; nothing is installed from it and no service is started.
install_promtool() {
  [ ! -x "$CACHE/promtool" ] || return 0
  local new
  new=$(mktemp -d -- "$CACHE/.new-XXXXXX")
  say "fetching promtool"
  (cd -- "$new" && { apt-get download -qq prometheus || { as_root apt-get update -qq && apt-get download -qq prometheus; }; } && dpkg-deb -x prometheus_*.deb out && mv out/usr/bin/promtool "$CACHE/promtool") \
    >"$CACHE/promtool.log" 2>&1 || die "apt-get could not fetch the package prometheus" "apt-get update; the log is $CACHE/promtool.log"
  rm -rf -- "$new"
}

mkdir -p -- "$CACHE" || die "$CACHE cannot be written" "make the checkout writable"
install_python
install_helm
case $MODE in
  all) MC_KUBE_BIN=$("$MC_SCRIPTS/kube-apiserver.sh") && install_promtool ;;
  if-cached) MC_KUBE_BIN=$("$MC_SCRIPTS/kube-apiserver.sh" --cached 2>/dev/null) || {
    say "kube-apiserver is not cached: lint and schema only (scripts/kube-apiserver.sh builds it)"
    MODE=lint-only
  } ;;
esac
[ ! -x "$CACHE/promtool" ] || export MC_PROMTOOL=$CACHE/promtool
export MC_KUBE_BIN=${MC_KUBE_BIN:-}
export PYTHONPATH=$CACHE/helm PYTHONDONTWRITEBYTECODE=1
exec "$CACHE/venv/bin/python" "$TESTS/run.py" "$MODE" "$NAME"
