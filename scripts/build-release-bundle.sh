#!/usr/bin/env bash
# Makes what a release publishes, in one folder: the archive of this platform, its SBOM, the Debian package if asked for, the
# bootstrap scripts, and a manifest with the SHA-256 of everything, signed if asked for.
#
#   scripts/build-release-bundle.sh                     builds the programs (optimised, about 15 minutes on two cores)
#   scripts/build-release-bundle.sh --bin-dir DIR       takes the programs in DIR
#   scripts/build-release-bundle.sh ... --out DIR       where to (default: dist in the checkout)
#   scripts/build-release-bundle.sh ... --deb           also the Debian package (needs cargo-deb)
#   scripts/build-release-bundle.sh ... --sign KEY      signs the manifest with that key of gpg, and checks the signature
#
# The version is that of Cargo.toml. The same programs give the same bytes. Archives of other platforms of the same version
# that are in DIR already stay and are named in the manifest too; those of other versions are refused.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
umask 022

BIN='' OUT=$MC_REPO/dist DEB='' SIGN=''
while [ $# -gt 0 ]; do
  case $1 in
    --deb) DEB=1 && shift ;;
    --bin-dir | --out | --sign)
      [ -n "${2:-}" ] || usage_error "$1 needs a value"
      case $1 in --bin-dir) BIN=$2 ;; --out) OUT=$2 ;; --sign) SIGN=$2 ;; esac
      shift 2
      ;;
    -h | --help)
      script_help "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument '$1'" ;;
  esac
done
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
PROGRAMS=(mc mc-controlplane mc-mesh mc-scripted-agent)
PACKAGES=(mc-cli mc-controlplane mc-mesh mc-scripted-agent)
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$MC_REPO/Cargo.toml")
[ -n "$VERSION" ] || die "Cargo.toml names no version of the workspace" "look at [workspace.package]"
case $(uname -s) in Linux) SYSTEM=linux ;; Darwin) SYSTEM=macos ;; *) die "no release is made on $(uname -s)" "use Linux or macOS" ;; esac
case $(uname -m) in x86_64) MACHINE=x86_64 ;; aarch64 | arm64) MACHINE=aarch64 ;; *) die "no release is made for $(uname -m)" "use x86_64 or aarch64" ;; esac
PLATFORM=$SYSTEM-$MACHINE
NAME=missioncontrol-$VERSION

need_cmd git
need_cmd tar
need_cmd gzip
need_cmd python3
need_rust
[ -z "$SIGN" ] || need_cmd gpg gnupg
if [ -z "$BIN" ]; then
  need_cc
  [ -z "$(git -C "$MC_REPO" status --porcelain 2>/dev/null)" ] || warn "the checkout has changes that are in no commit"
  "$MC_SCRIPTS/build-ui.sh" || die "the web UI cannot be built" "read the messages above; a release has it"
  commit=$(git -C "$MC_REPO" rev-parse --short=12 HEAD)
  (cd -- "$MC_REPO" && MC_BUILD_ID=$VERSION+$commit cargo build --workspace --bins --release --locked) || die "the build failed" "read the messages of cargo above"
  BIN=$(target_dir)/release
fi
BIN=$(cd -- "$BIN" && pwd -P) || die "there is no folder $BIN" "check --bin-dir"
for program in "${PROGRAMS[@]}"; do
  [ -x "$BIN/$program" ] || die "there is no program $BIN/$program" "build all of them, or check --bin-dir"
done
said=$("$BIN/mc" --version) || die "$BIN/mc does not start" "it must be built for this machine"
[ "$said" = "mc $VERSION" ] || die "$BIN/mc says '$said', Cargo.toml says $VERSION" "build it again from this checkout"

mkdir -p -- "$OUT" || die "$OUT cannot be made" "check --out"
for other in "$OUT"/missioncontrol-*.tar.gz; do
  case ${other##*/} in "$NAME"-* | 'missioncontrol-*.tar.gz') ;; *) die "$OUT has another version: ${other##*/}" "take an empty folder with --out" ;; esac
done
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT

# ---- the archive ----------------------------------------------------------------------------------------------------

TREE=$WORK/$NAME
mkdir -p -- "$TREE/bin"
for program in "${PROGRAMS[@]}"; do install -m 755 -- "$BIN/$program" "$TREE/bin/$program"; done
for file in LICENSE NOTICE README.md COMPATIBILITY_MATRIX.md .env.example; do install -m 644 -- "$MC_REPO/$file" "$TREE/$file"; done
mkdir -p -- "$TREE/systemd"
install -m 644 -- "$MC_REPO"/packaging/systemd/* "$TREE/systemd/"
say "writing the SBOM"
case $SYSTEM in linux) TRIPLE=$MACHINE-unknown-linux-gnu ;; macos) TRIPLE=$MACHINE-apple-darwin ;; esac
(cd -- "$MC_REPO" && cargo metadata --locked --format-version 1 --filter-platform "$TRIPLE") 2>"$WORK/cargo" |
  python3 "$MC_SCRIPTS/sbom.py" "$VERSION" "${PACKAGES[@]}" >"$TREE/sbom.cdx.json" || die "no SBOM could be made" "$(tail -n 1 "$WORK/cargo")"
ARCHIVE=$NAME-$PLATFORM.tar.gz
# One time for all files: that of the commit.
EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$MC_REPO" log -1 --format=%ct 2>/dev/null || printf 0)}
tar --version 2>/dev/null | grep -q GNU || die "GNU tar is needed for archives that come out the same each time" "install it and put it first on PATH"
tar -C "$WORK" --sort=name --mtime="@$EPOCH" --owner=0 --group=0 --numeric-owner --format=ustar -cf - "$NAME" | gzip -9n >"$OUT/.$ARCHIVE.new"
mv -f -- "$OUT/.$ARCHIVE.new" "$OUT/$ARCHIVE"
install -m 644 -- "$TREE/sbom.cdx.json" "$OUT/$NAME-$PLATFORM.cdx.json"
install -m 755 -- "$MC_SCRIPTS/bootstrap-mc.sh" "$OUT/bootstrap-mc.sh"
install -m 644 -- "$MC_SCRIPTS/bootstrap-mc.ps1" "$OUT/bootstrap-mc.ps1"

# ---- the Debian package ---------------------------------------------------------------------------------------------

if [ -n "$DEB" ]; then
  [ "$SYSTEM" = linux ] || die "Debian packages are made on Linux" "leave out --deb"
  cargo deb --version >/dev/null 2>&1 || die "cargo-deb is not installed" "cargo install cargo-deb --locked"
  # cargo-deb looks for programs where cargo would have put them.
  mkdir -p -- "$WORK/target/release"
  for program in "${PROGRAMS[@]}"; do ln -s -- "$BIN/$program" "$WORK/target/release/$program"; done
  (cd -- "$MC_REPO" && SOURCE_DATE_EPOCH=$EPOCH CARGO_TARGET_DIR=$WORK/target cargo deb --package mc-controlplane --no-build --no-strip --output "$OUT/") ||
    die "cargo-deb failed" "read the messages above"
fi

# ---- the manifest ---------------------------------------------------------------------------------------------------

sha() { sha256sum -- "$1" | awk '{ print $1 }'; }
{
  printf 'missioncontrol-release 1\nversion %s\n' "$VERSION"
  for file in "$OUT/$NAME"-*.tar.gz; do
    platform=${file##*/"$NAME"-}
    printf 'archive %s %s %s %s\n' "${platform%.tar.gz}" "${file##*/}" "$(sha "$file")" "$(($(wc -c <"$file")))"
  done
  for file in "$OUT/$NAME"-*.cdx.json "$OUT"/*.deb "$OUT"/bootstrap-mc.*; do
    [ ! -f "$file" ] || printf 'file %s %s %s\n' "${file##*/}" "$(sha "$file")" "$(($(wc -c <"$file")))"
  done
} >"$WORK/manifest.txt"
rm -f -- "$OUT/manifest.txt.asc"
if [ -n "$SIGN" ]; then
  gpg --batch --yes --local-user "$SIGN" --armor --detach-sign --output "$WORK/manifest.txt.asc" "$WORK/manifest.txt" || die "gpg could not sign" "read its message above"
  gpg --batch --verify "$WORK/manifest.txt.asc" "$WORK/manifest.txt" 2>"$WORK/gpg" || die "the signature does not verify" "$(tail -n 1 "$WORK/gpg")"
  mv -f -- "$WORK/manifest.txt.asc" "$OUT/manifest.txt.asc"
else
  warn "the manifest is not signed: --sign KEY"
fi
mv -f -- "$WORK/manifest.txt" "$OUT/manifest.txt"
awk '$1 == "archive" { print $4 "  " $3 } $1 == "file" { print $3 "  " $2 }' "$OUT/manifest.txt" >"$OUT/SHA256SUMS"
(cd -- "$OUT" && sha256sum --quiet -c SHA256SUMS) || die "what was written differs from the manifest" "is the disk full?"
cat -- "$OUT/manifest.txt" >&2
say "the release is in $OUT"
