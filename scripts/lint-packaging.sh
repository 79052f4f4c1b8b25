#!/usr/bin/env bash
# Checks Dockerfile, compose/, PowerShell scripts and workflows as far as that goes without what runs them: hadolint, the compose
# schema and `docker-compose config`, a grammar of PowerShell, YAML. The tools come from PyPI and Debian in pinned versions,
# into .cache; no container engine is installed or asked.
#
#   scripts/lint-packaging.sh
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

LINT=$MC_REPO/packaging/lint
VENV=$MC_REPO/.cache/lint/venv
STAMP=$(sha256sum "$LINT/requirements.txt")
if [ "$(cat "$VENV/stamp" 2>/dev/null || true)" != "$STAMP" ]; then
  need_cmd python3
  python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  rm -rf -- "$VENV"
  mkdir -p -- "${VENV%/*}"
  say "installing the tools of packaging/lint"
  python3 -m venv "$VENV" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: -r "$LINT/requirements.txt" \
    >"${VENV%/*}/pip.log" 2>&1 || die "pip could not install packaging/lint/requirements.txt" "read ${VENV%/*}/pip.log"
  printf '%s\n' "$STAMP" >"$VENV/stamp"
fi
COMPOSE=$(command -v docker-compose || true)
if [ -z "$COMPOSE" ] && have apt-get && (apt_install docker-compose); then
  hash -r
  COMPOSE=$(command -v docker-compose || true)
fi
PYTHONDONTWRITEBYTECODE=1 exec "$VENV/bin/python" "$LINT/lint.py" "$MC_REPO" "$COMPOSE"
