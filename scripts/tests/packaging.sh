# shellcheck shell=bash
# Tests of what is made for users: releases, bootstrap, units, packages. Sourced by run.sh, whose functions it uses.

# release: a release of small programs in ./dist, made by the real script. cargo says what the SBOM is made of.
release() {
  local program
  mkdir -p programs
  for program in mc mc-controlplane mc-mesh mc-scripted-agent; do
    printf '#!/bin/sh\n# %s\n%s\necho "mc %s"\n' "$program" "$(head -c 3000 /dev/urandom | base64 | sed 's/^/# /')" "$(version)" >"programs/$program"
    chmod +x "programs/$program"
  done
  fake rustc 'echo "rustc 1.95.0 (x)"'
  fake cargo 'cat <<JSON
{"packages":[{"id":"a","name":"mc-cli","version":"0.1.0","license":"Apache-2.0"},{"id":"b","name":"mc-controlplane","version":"0.1.0"},
{"id":"c","name":"mc-mesh","version":"0.1.0"},{"id":"d","name":"mc-scripted-agent","version":"0.1.0"},
{"id":"e","name":"linked","version":"1.2.3","license":"MIT/Apache-2.0"},{"id":"f","name":"tested","version":"1.0.0"}],
"workspace_members":["a","b","c","d"],"resolve":{"nodes":[{"id":"a","deps":[{"pkg":"e","dep_kinds":[{"kind":null}]},{"pkg":"f","dep_kinds":[{"kind":"dev"}]}]},
{"id":"b","deps":[]},{"id":"c","deps":[]},{"id":"d","deps":[]},{"id":"e","deps":[]},{"id":"f","deps":[]}]}}
JSON'
  bundle "$@"
}
version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$MC_REPO/Cargo.toml"; }
bundle() { PATH="$PWD/bin:$PATH" HOME=$PWD SOURCE_DATE_EPOCH=1 "$MC_SCRIPTS/build-release-bundle.sh" --bin-dir programs --out dist "$@"; }
archive() { printf 'missioncontrol-%s-linux-%s.tar.gz\n' "$(version)" "$(uname -m)"; }
# serve: the release over HTTP; its address is in URL. It ends with the test's shell.
serve() {
  python3 "$MC_SCRIPTS/tests/release_server.py" dist >port 2>requests &
  SERVER=$!
  trap 'kill "$SERVER" 2>/dev/null || true' EXIT
  for _ in $(seq 100); do [ -s port ] && break || sleep 0.1; done
  URL=http://127.0.0.1:$(cat port)
}
bootstrap() { env -u MC_RELEASE_URL -u MC_RELEASE_KEY PATH="/usr/bin:/bin" HOME="$PWD" sh "$MC_SCRIPTS/bootstrap-mc.sh" "$@"; }

release_has_all_of_it_and_comes_out_the_same() {
  expect 0 release
  said 'not signed'
  (cd dist && sha256sum --quiet -c SHA256SUMS)
  grep -qx "version $(version)" dist/manifest.txt
  tar -tzf "dist/$(archive)" >files
  for file in bin/mc bin/mc-controlplane bin/mc-mesh bin/mc-scripted-agent LICENSE NOTICE systemd/mc-mesh.service sbom.cdx.json .env.example; do
    grep -qx "missioncontrol-$(version)/$file" files
  done
  grep -q '"pkg:cargo/linked@1.2.3"' dist/*.cdx.json
  grep -q '"MIT OR Apache-2.0"' dist/*.cdx.json
  refuse grep -q tested dist/*.cdx.json
  cp dist/manifest.txt first
  expect 0 bundle
  cmp first dist/manifest.txt
  fake mc :
  printf '#!/bin/sh\necho "mc 9.9.9"\n' >programs/mc
  expect 1 bundle
  said "says 'mc 9.9.9'"
  touch dist/missioncontrol-9.9.9-linux-x86_64.tar.gz
  printf '#!/bin/sh\necho "mc %s"\n' "$(version)" >programs/mc
  expect 1 bundle
  said 'another version'
}

bootstrap_installs_once() {
  release
  serve
  expect 0 bootstrap --from "$URL/good" --dir there
  said "installed MissionControl $(version)"
  [ "$(there/mc --version)" = "mc $(version)" ]
  [ ! -e there/mc-mesh ]
  : >requests
  expect 0 bootstrap --from "$URL/good" --dir there
  said 'is installed in'
  refuse grep -q tar.gz requests
  echo '# changed' >>there/mc
  expect 0 bootstrap --from "$URL/good" --dir there --all
  cmp programs/mc there/mc
  cmp programs/mc-controlplane there/mc-controlplane
  expect 0 bootstrap --from "$URL/good" --dir there --all
  said 'is installed in'
  expect 0 bootstrap --from "$PWD/dist" --dir beside --as mctl --version "$(version)"
  [ -x beside/mctl ]
  [ "$(find there beside -name '*.new.*')" = '' ]
}

bootstrap_refuses_what_was_changed() {
  release
  serve
  expect 1 bootstrap --from "$URL/wrong" --dir there
  said 'has the SHA-256 .* instead of'
  [ ! -e there ]
  sed -i "s/\(archive .* \)[0-9]*$/\11/" dist/manifest.txt
  expect 1 bootstrap --from "$URL/good" --dir there
  said 'bytes instead of 1'
  sed -i 's|missioncontrol-[0-9.]*-linux|../../x-linux|' dist/manifest.txt
  expect 1 bootstrap --from "$URL/good" --dir there
  said 'the manifest names a file'
  echo '<html>' >dist/manifest.txt
  expect 1 bootstrap --from "$URL/good" --dir there
  said 'is no manifest'
  [ ! -e there ]
}

bootstrap_goes_on_after_a_cut() {
  release
  serve
  expect 0 bootstrap --from "$URL/cut" --dir there
  said 'was cut (1), going on'
  cmp programs/mc there/mc
  rm -r there
  expect 0 bootstrap --from "$URL/whole" --dir there
  cmp programs/mc there/mc
  mkdir -p old
  cp there/mc old/mc
  # It never gets further than a hundred bytes at a time: five of them are not the archive.
  expect 1 bootstrap --from "$URL/stuck" --dir old --all
  said 'cannot be fetched'
  cmp there/mc old/mc
  [ "$(ls old)" = mc ]
}

bootstrap_wants_the_signature_that_it_was_told() {
  export GNUPGHOME=$PWD/gnupg
  mkdir -m 700 gnupg
  gpg --batch --quiet --passphrase '' --quick-generate-key 'release@example.org' ed25519 sign never
  gpg --batch --quiet --passphrase '' --quick-generate-key 'stranger@example.org' ed25519 sign never
  gpg --batch --armor --export release@example.org >release.asc
  gpg --batch --export release@example.org >release.gpg
  gpg --batch --export stranger@example.org >stranger.gpg
  # gpg runs with the HOME of the script.
  release --sign release@example.org
  for key in release.asc release.gpg; do
    expect 0 bootstrap --from "$PWD/dist" --key $key --dir "with-$key"
  done
  expect 1 bootstrap --from "$PWD/dist" --key stranger.gpg --dir there
  said 'not signed by that key'
  echo >>dist/manifest.txt
  expect 1 bootstrap --from "$PWD/dist" --key release.gpg --dir there
  said 'not signed by that key'
  rm dist/manifest.txt.asc
  expect 1 bootstrap --from "$PWD/dist" --key release.gpg --dir there
  [ ! -e there ]
  gpgconf --kill all
}

bootstrap_says_what_it_cannot_do() {
  expect 2 bootstrap
  said 'give --from'
  expect 2 bootstrap --from http://mc.example.org/x
  said 'in clear'
  expect 2 bootstrap --from http://127.0.0.1.example.org/x
  expect 2 bootstrap --from x --as ../mc
  expect 1 bootstrap --from "$PWD/nothing"
  expect 1 bootstrap --from http://127.0.0.1:1/x
  said 'cannot be fetched'
  release
  expect 1 bootstrap --from "$PWD/dist" --version 9.9.9 --dir there
  said 'not 9.9.9'
  mkdir there
  printf '#!/bin/sh\necho "GNU Midnight Commander 4.8.29"\n' >there/mc
  chmod +x there/mc
  expect 1 bootstrap --from "$PWD/dist" --dir there
  said 'is not overwritten'
  sed -i 's/^archive linux-[a-z0-9_]*/archive linux-other/' dist/manifest.txt
  expect 1 bootstrap --from "$PWD/dist" --dir beside
  said 'it has: linux-other'
}

units_are_read_by_systemd() {
  have systemd-analyze || (apt_install systemd) || { say 'skipped: no systemd-analyze' && return 0; }
  local unit
  mkdir units
  for unit in "$MC_REPO"/packaging/systemd/*.service; do
    # The programs are not installed here.
    sed 's|^ExecStart=/usr/bin/mc-[a-z]*|ExecStart=/bin/true|' "$unit" >"units/${unit##*/}"
  done
  expect 0 systemd-analyze verify units/missioncontrol.service units/mc-mesh.service
  [ ! -s last ]
  sed 's/^ProtectSystem=/ProtectSistem=/' units/missioncontrol.service >units/bad.service
  systemd-analyze verify units/bad.service >last 2>&1 || true
  said ProtectSistem
  # From 0 (closed) to 100.
  expect 0 systemd-analyze security --offline=yes --threshold=20 units/missioncontrol.service
  expect 0 systemd-analyze security --offline=yes --threshold=60 units/mc-mesh.service
  grep -qx 'KillMode=process' units/mc-mesh.service
}
