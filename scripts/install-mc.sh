#!/usr/bin/env bash
# Installs the command line program mc and tells when another program of that name stands in its way.
#
#   scripts/install-mc.sh                     build it and install it into cargo's folder (~/.cargo/bin)
#   scripts/install-mc.sh --from-target       copy the one that scripts/dev-up.sh built
#   scripts/install-mc.sh --from FILE         copy this file
#   scripts/install-mc.sh ... --dir DIR       install into DIR
#   scripts/install-mc.sh ... --as NAME       install under another name
#
# Midnight Commander and the MinIO client are called mc too. Nothing of theirs is changed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

SOURCE='' DIR='' NAME=mc
while [ $# -gt 0 ]; do
  case $1 in
    --from-target) SOURCE=$(bin_dir)/mc; shift ;;
    --from | --dir | --as)
      [ -n "${2:-}" ] || usage_error "$1 needs a value"
      case $1 in --from) SOURCE=$2 ;; --dir) DIR=$2 ;; --as) NAME=$2 ;; esac
      shift 2
      ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$1'" ;;
  esac
done
case $NAME in */* | -*) usage_error "--as takes a plain file name, not '$NAME'" ;; esac

# whose FILE: asks a program called mc what it is. It gets an empty HOME, for some write there, and no terminal.
whose() {
  local home text
  home=$(mktemp -d)
  text=$(cd / && HOME=$home TERM=dumb timeout 5 "$1" --version </dev/null 2>&1 | head -n 3 || true)
  rm -rf -- "$home"
  case $text in
    *'Midnight Commander'*) printf 'Midnight Commander\n' ;;
    *RELEASE.* | *MinIO*) printf 'the MinIO client\n' ;;
    'mc '[0-9]*) printf 'MissionControl %s\n' "$(printf '%s' "$text" | awk 'NR == 1 { print $2 }')" ;;
    *) printf 'an unknown program\n' ;;
  esac
}

install_file() {
  [ -f "$SOURCE" ] && [ -x "$SOURCE" ] || die "there is no program $SOURCE" "build it first: scripts/dev-up.sh --no-demo"
  mkdir -p -- "$DIR" 2>/dev/null && [ -w "$DIR" ] || die "cannot write $DIR" "choose another folder: --dir \"\$HOME/.local/bin\""
  # A new file under the name, in one step: a running mc keeps the old one.
  cp -- "$SOURCE" "$DIR/.$NAME.new.$$" && chmod 755 -- "$DIR/.$NAME.new.$$" && mv -f -- "$DIR/.$NAME.new.$$" "$DIR/$NAME" ||
    die "cannot install into $DIR" "read the message above"
}

build_and_install() {
  local root=$MC_REPO/.cache/install-mc
  need_cc
  need_rust
  (cd -- "$MC_REPO" && cargo install --path mc-cli --locked --force --no-track --root "$root") ||
    die "cargo could not build mc" "read the messages above"
  SOURCE=$root/bin/mc
  install_file
}

writable_home
DIR=${DIR:-${CARGO_HOME:-$HOME/.cargo}/bin}
case $DIR in /*) ;; *) DIR=$PWD/$DIR ;; esac
if [ -e "$DIR/$NAME" ]; then
  case $(whose "$DIR/$NAME") in
    MissionControl*) ;;
    *) die "$DIR/$NAME is $(whose "$DIR/$NAME"); it is not overwritten" "choose --dir or --as" ;;
  esac
fi
if [ -n "$SOURCE" ]; then install_file; else build_and_install; fi
say "installed $DIR/$NAME ($(whose "$DIR/$NAME"))"

first=$(type -P "$NAME" || true)
if [ -z "$first" ]; then
  warn "$DIR is not on PATH"
  say "  fix: export PATH=\"$DIR:\$PATH\""
elif ! [ "$first" -ef "$DIR/$NAME" ]; then
  warn "'$NAME' still starts $first ($(whose "$first"))"
  say "  fix: put $DIR first: export PATH=\"$DIR:\$PATH\"; or install under another name: scripts/install-mc.sh --as mctl"
fi
while read -r other; do
  [ "$other" -ef "$DIR/$NAME" ] || [ "$other" = "$first" ] || say "note: $other is $(whose "$other")"
done < <(type -aP "$NAME" | awk '!seen[$0]++')
