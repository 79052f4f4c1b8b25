#!/bin/sh
# Installs the released programs of MissionControl without a checkout: reads a release's manifest, fetches the archive for this
# machine, compares size and SHA-256, and puts the programs in place, each in one step. Nothing changes when anything is wrong.
#
#   sh bootstrap-mc.sh --from URL                 the command line program mc, into ~/.local/bin
#   sh bootstrap-mc.sh --from URL --all           also mc-controlplane, mc-mesh and mc-scripted-agent
#
#   --from URL     where the release is: https://…, http://… on loopback, or a folder (also MC_RELEASE_URL)
#   --version V    refuse any other version
#   --key FILE     OpenPGP keyring or key that must have signed the manifest; needs gpgv (also MC_RELEASE_KEY)
#   --dir DIR      install there (default: ~/.local/bin)
#   --as NAME      name of mc there (Midnight Commander and the MinIO client are called mc, too)
#
# Run again, it fetches the manifest and stops when that release is installed. It needs curl, tar and sha256sum or shasum.
# A manifest is as trustworthy as where it comes from: give --key when you have one.
set -eu

FROM=${MC_RELEASE_URL:-} KEY=${MC_RELEASE_KEY:-} WANTED='' DIR='' NAME=mc ALL=''
say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '  fix: %s\n' "$2" >&2
  exit "${3:-1}"
}
while [ $# -gt 0 ]; do
  case $1 in
    --all) ALL=1 && shift ;;
    --from | --version | --key | --dir | --as)
      [ -n "${2:-}" ] || die "$1 needs a value" "see --help" 2
      case $1 in --from) FROM=$2 ;; --version) WANTED=$2 ;; --key) KEY=$2 ;; --dir) DIR=$2 ;; --as) NAME=$2 ;; esac
      shift 2
      ;;
    -h | --help)
      sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) die "unknown argument '$1'" "see --help" 2 ;;
  esac
done
case $NAME in */* | -* | .*) die "--as takes a plain file name, not '$NAME'" "" 2 ;; esac
case $FROM in
  '') die "there is no place to fetch a release from" "give --from URL, the folder of manifest.txt" 2 ;;
  https://* | /*) ;;
  http://127.0.0.1[:/]* | http://localhost[:/]* | 'http://[::1]'[:/]*) ;;
  *) die "'$FROM' is neither https://… nor http://… on loopback nor an absolute folder" "what came in clear over a network could be anybody's" 2 ;;
esac
FROM=${FROM%/}
if [ -z "$DIR" ]; then
  [ -n "${HOME:-}" ] || die "HOME is not set" "give --dir DIR"
  DIR=$HOME/.local/bin
fi
case $DIR in /*) ;; *) DIR=$PWD/$DIR ;; esac
for tool in tar awk; do command -v "$tool" >/dev/null || die "the command '$tool' is missing" "install it"; done
case $FROM in /*) ;; *) command -v curl >/dev/null || die "the command 'curl' is missing" "install it" ;; esac
if command -v sha256sum >/dev/null; then
  digest() { sha256sum "$1" | awk '{ print $1 }'; }
elif command -v shasum >/dev/null; then
  digest() { shasum -a 256 "$1" | awk '{ print $1 }'; }
else
  die "neither sha256sum nor shasum is there" "install one of them"
fi

# fetch FILE: into WORK, whole or not at all. A download that was cut is taken up where it ended.
fetch() {
  case $FROM in
    /*) cp -- "$FROM/$1" "$WORK/$1" 2>/dev/null || die "there is no $FROM/$1" "check --from" ;;
    *)
      for try in 1 2 3 4 5; do
        curl -q -fsSL --proto '=https,http' --proto-redir '=https' --connect-timeout 20 --speed-limit 1024 --speed-time 30 -C - -o "$WORK/$1" "$FROM/$1" 2>"$WORK/curl" && return 0
        code=$?
        case $code in
          # cut, reset, silent: what is there is kept
          18 | 28 | 52 | 55 | 56 | 92) [ "$try" = 5 ] || { say "the download of $1 was cut ($try), going on"; sleep "$try"; } ;;
          # the server does not send parts
          33) rm -f -- "$WORK/$1" ;;
          *) break ;;
        esac
      done
      die "$FROM/$1 cannot be fetched: $(tail -n 1 "$WORK/curl")" "check the address and the network, then run this again"
      ;;
  esac
}

WORK=$(mktemp -d)
NEW=''
# shellcheck disable=SC2329  # called by the traps
clean() {
  rm -rf -- "$WORK"
  # shellcheck disable=SC2086  # a list of plain names
  [ -z "$NEW" ] || (cd -- "$DIR" && rm -f -- $NEW)
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fetch manifest.txt
[ "$(head -n 1 "$WORK/manifest.txt")" = 'missioncontrol-release 1' ] || die "$FROM/manifest.txt is no manifest of a release" "check --from"
if [ -n "$KEY" ]; then
  command -v gpgv >/dev/null || die "the command 'gpgv' is missing" "install it (Debian package gpgv), or leave out --key"
  [ -r "$KEY" ] || die "there is no key $KEY" "check --key"
  fetch manifest.txt.asc
  case $KEY in /*) ;; *) KEY=$PWD/$KEY ;; esac
  # gpgv wants a binary keyring.
  if grep -q 'BEGIN PGP PUBLIC KEY' "$KEY"; then
    awk '/^-----BEGIN/ { inside = 1; next } /^-----END/ { exit } inside && body { if (/^=/) next; print } inside && /^$/ { body = 1 }' "$KEY" |
      base64 -d >"$WORK/keyring" 2>/dev/null || die "the key $KEY cannot be read" "export it with gpg --export"
    KEY=$WORK/keyring
  fi
  gpgv --keyring "$KEY" "$WORK/manifest.txt.asc" "$WORK/manifest.txt" >"$WORK/gpgv" 2>&1 ||
    die "the manifest is not signed by that key: $(tail -n 1 "$WORK/gpgv")" "do not install it; ask those who publish it"
fi
VERSION=$(awk '$1 == "version" { print $2; exit }' "$WORK/manifest.txt")
[ -n "$VERSION" ] || die "$FROM/manifest.txt names no version" "check --from"
[ -z "$WANTED" ] || [ "$WANTED" = "$VERSION" ] || die "the release there is $VERSION, not $WANTED" "check --version and --from"

case $(uname -s) in Linux) SYSTEM=linux ;; Darwin) SYSTEM=macos ;; *) SYSTEM=$(uname -s) ;; esac
case $(uname -m) in x86_64 | amd64) MACHINE=x86_64 ;; aarch64 | arm64) MACHINE=aarch64 ;; *) MACHINE=$(uname -m) ;; esac
LINE=$(awk -v platform="$SYSTEM-$MACHINE" '$1 == "archive" && $2 == platform { print $3, $4, $5; exit }' "$WORK/manifest.txt")
[ -n "$LINE" ] || die "release $VERSION has nothing for $SYSTEM-$MACHINE" "it has: $(awk '$1 == "archive" { printf "%s ", $2 }' "$WORK/manifest.txt"); build from source: scripts/install-mc.sh"
# shellcheck disable=SC2086  # split into fields on purpose
set -- $LINE
ARCHIVE=$1 SHA256=$2 SIZE=$3
case $ARCHIVE in */* | .* | -*) die "the manifest names a file '$ARCHIVE'" "do not install it" ;; esac
case $SHA256$SIZE in *[!0-9a-f]*) die "the manifest is damaged: $LINE" "do not install it" ;; esac

PROGRAMS=mc
[ -z "$ALL" ] || PROGRAMS='mc mc-controlplane mc-mesh mc-scripted-agent'
RECEIPT=$DIR/.$NAME.missioncontrol
target() { if [ "$1" = mc ]; then printf '%s\n' "$NAME"; else printf '%s\n' "$1"; fi; }
# installed: each program is the one that was installed from this very archive.
installed() {
  [ -r "$RECEIPT" ] && [ "$(head -n 1 "$RECEIPT")" = "$SHA256" ] || return 1
  for program in $PROGRAMS; do
    [ -x "$DIR/$(target "$program")" ] || return 1
    grep -qx "$(digest "$DIR/$(target "$program")") $program" "$RECEIPT" || return 1
  done
}
if installed; then
  say "MissionControl $VERSION is installed in $DIR"
  exit 0
fi
if [ -e "$DIR/$NAME" ] && [ ! -e "$RECEIPT" ]; then
  case $(HOME=$WORK TERM=dumb "$DIR/$NAME" --version 2>&1 </dev/null | head -n 1) in
    'mc '[0-9]*) ;;
    *) die "$DIR/$NAME is another program; it is not overwritten" "choose --dir or --as" ;;
  esac
fi

say "fetching $ARCHIVE"
fetch "$ARCHIVE"
have=$(($(wc -c <"$WORK/$ARCHIVE")))
[ "$have" = "$SIZE" ] || die "$ARCHIVE has $have bytes instead of $SIZE" "nothing was installed; run this again, and if it stays, ask those who publish it"
have=$(digest "$WORK/$ARCHIVE")
[ "$have" = "$SHA256" ] || die "$ARCHIVE has the SHA-256 $have instead of $SHA256" "nothing was installed; ask those who publish it"
mkdir -- "$WORK/out" && tar -xzf "$WORK/$ARCHIVE" -C "$WORK/out" || die "$ARCHIVE cannot be unpacked" "read the message above"
mkdir -p -- "$DIR" 2>/dev/null && [ -w "$DIR" ] || die "cannot write $DIR" "choose another folder: --dir DIR"
printf '%s\n' "$SHA256" >"$WORK/receipt"
for program in $PROGRAMS; do
  file=$WORK/out/missioncontrol-$VERSION/bin/$program
  [ -f "$file" ] || die "$ARCHIVE has no program $program" "ask those who publish it"
  NEW="$NEW .$program.new.$$"
  cp -- "$file" "$DIR/.$program.new.$$" && chmod 755 "$DIR/.$program.new.$$" || die "cannot write into $DIR" "is the disk full?"
  printf '%s %s\n' "$(digest "$file")" "$program" >>"$WORK/receipt"
done
"$DIR/.mc.new.$$" --version >/dev/null 2>"$WORK/run" || die "mc does not start here: $(head -n 1 "$WORK/run")" "nothing was installed; build from source: scripts/install-mc.sh"
# What ran keeps its file; who starts it now gets the new one.
for program in $PROGRAMS; do mv -f -- "$DIR/.$program.new.$$" "$DIR/$(target "$program")"; done
NEW="$NEW .receipt.new.$$"
cp -- "$WORK/receipt" "$DIR/.receipt.new.$$" && mv -f -- "$DIR/.receipt.new.$$" "$RECEIPT"
NEW=''
say "installed MissionControl $VERSION in $DIR: $PROGRAMS"
case :$PATH: in *:"$DIR":*) ;; *) say "  $DIR is not on PATH: export PATH=\"$DIR:\$PATH\"" ;; esac
first=$(command -v "$NAME" || true)
[ -z "$first" ] || [ "$first" = "$DIR/$NAME" ] || say "  '$NAME' still starts $first: put $DIR first on PATH, or install under another name with --as"
