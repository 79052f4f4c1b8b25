#!/usr/bin/env bash
# A real Kubernetes API server and its etcd for tests: prints the folder with both programs, building what is missing.
#
#   scripts/kube-apiserver.sh            builds when needed (6 minutes of one processor, 3 GB while it builds) and prints the folder
#   scripts/kube-apiserver.sh --cached   prints the folder, or fails at once when something is missing
#
# kube-apiserver 1.20.2 is built from Debian's source package (bookworm) with Debian's Go, without a network beside Debian's
# mirror. One vendored module (reflect2 1.0.1) does not work with Go 1.18 or newer and is replaced by the one that Debian packages.
# etcd comes out of the package etcd-server; nothing is installed from it and no service is started. Both stay in MC_KUBE_DIR
# (default: .cache/kube in the checkout).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

CACHED=
case ${1:-} in
  '') ;;
  --cached) CACHED=1 ;;
  -h | --help)
    script_help "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) usage_error "unknown argument '$1'" ;;
esac

VERSION=1.20.2
KUBE_DIR=${MC_KUBE_DIR:-$MC_REPO/.cache/kube}
case $KUBE_DIR in /*) ;; *) KUBE_DIR=$PWD/$KUBE_DIR ;; esac
BIN=$KUBE_DIR/bin
LOG=$KUBE_DIR/build.log

if [ -x "$BIN/kube-apiserver" ] && [ -x "$BIN/etcd" ]; then
  printf '%s\n' "$BIN"
  exit
fi
[ -z "$CACHED" ] || die "there is no kube-apiserver in $BIN" "scripts/kube-apiserver.sh builds it"
have apt-get || die "kube-apiserver is built from a Debian source package, and this machine has no apt-get" \
  "copy kube-apiserver and etcd into $BIN"

need_cmd rsync
need_cmd file
need_cmd make
need_cmd go golang-go
need_cmd dpkg-source dpkg-dev
apt_install golang-github-modern-go-reflect2-dev
mkdir -p -- "$BIN" || die "$KUBE_DIR cannot be written" "set MC_KUBE_DIR to a folder you may write"
exec 9>"$KUBE_DIR/lock"
flock -w 3600 9 || die "another build holds $KUBE_DIR/lock" "wait for it"
# What a failure leaves stays, to be looked at, until the next try.
NEW=$KUBE_DIR/build
rm -rf -- "$NEW/tree"
mkdir -p -- "$NEW"
cd -- "$NEW"
rm -f -- ./*.deb ./*.dsc ./*.tar.*

# The machine's own Debian mirror, with package lists of their own, so that nothing under /etc changes.
uri=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
[ -n "$uri" ] || uri=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\/debian\/\{0,1\}\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -n "$uri" ] && [ -r "$keyring" ] || die "no Debian mirror is configured on this machine" "copy kube-apiserver and etcd into $BIN"
mkdir -p lists/partial cache/archives/partial
printf 'Types: deb deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: %s\n' "$uri" "$keyring" >own.sources
printf 'Dir::Etc::sourcelist "%s/own.sources";\nDir::Etc::sourceparts "/dev/null";\nDir::State::lists "%s/lists";\nDir::Cache "%s/cache";\nAPT::Sandbox::User "";\n' \
  "$NEW" "$NEW" "$NEW" >apt.conf

{
  say "fetching etcd and the source of kube-apiserver $VERSION"
  APT_CONFIG=$NEW/apt.conf apt-get update -qq
  APT_CONFIG=$NEW/apt.conf apt-get download -qq etcd-server
  APT_CONFIG=$NEW/apt.conf apt-get source --download-only -qq "kubernetes/bookworm"
} >"$LOG" 2>&1 || die "apt-get could not fetch the packages" "read $LOG"

dpkg-deb -x etcd-server_*.deb etcd
cp etcd/usr/bin/etcd "$BIN/etcd.new" && mv -- "$BIN/etcd.new" "$BIN/etcd"

say "building kube-apiserver $VERSION; the log is $LOG"
dpkg-source --no-check -x kubernetes_*.dsc tree >>"$LOG" 2>&1 || die "the source package cannot be unpacked" "read $LOG"
cd tree
reflect2=$(dpkg -L golang-github-modern-go-reflect2-dev | grep '/reflect2$' | head -n 1)
[ -d "$reflect2" ] || die "Debian's reflect2 is not where its package says" "dpkg -L golang-github-modern-go-reflect2-dev"
rm -f vendor/github.com/modern-go/reflect2/*.go vendor/github.com/modern-go/reflect2/*.s
cp -L "$reflect2"/*.go "$reflect2"/*.s vendor/github.com/modern-go/reflect2/
rm -f vendor/github.com/modern-go/reflect2/*_test.go
# The link and the variables stand in for Git.
mkdir -p .go/src/k8s.io && ln -s ../../.. .go/src/k8s.io/kubernetes
env -u GOFLAGS GOPATH="$PWD/.go" CGO_ENABLED=0 GOPROXY=off HOME="$NEW" GOMAXPROCS=2 \
  KUBE_GIT_VERSION="v$VERSION" KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20 KUBE_GIT_TREE_STATE=clean \
  KUBE_GIT_COMMIT=faecb196815e248d3ecfb03c680a4507229c2a56 \
  make WHAT=cmd/kube-apiserver >>"$LOG" 2>&1 || die "kube-apiserver could not be built" "read $LOG"
built=$(find _output -path '*/bin/*' -name kube-apiserver -type f -print -quit)
[ -n "$built" ] || die "the build left no kube-apiserver" "read $LOG"
cp -- "$built" "$BIN/kube-apiserver.new" && mv -- "$BIN/kube-apiserver.new" "$BIN/kube-apiserver"
cd /
rm -rf -- "$NEW"
printf '%s\n' "$BIN"
