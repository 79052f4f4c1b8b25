# shellcheck shell=bash
# The parts of the profile full on one machine. Sourced after lib.sh, never run; starts nothing by itself.

# Where root puts what the account of the Postgres server must reach, when it cannot enter the data folder.
MC_FULL_FALLBACK=/var/lib/missioncontrol-full

# full_parts DIR: the folder of the parts of the installation in DIR.
full_parts() { printf '%s/parts\n' "$1"; }

_full_postgres() {
  local parts
  parts=$(full_parts "$1")
  shift
  MC_DEV_DIR=$parts/postgres MC_PG_FALLBACK=${MC_PG_FALLBACK:-$MC_FULL_FALLBACK} "$MC_SCRIPTS/postgres-dev.sh" "$@"
}

_full_s3() {
  local parts
  parts=$(full_parts "$1")
  shift
  MC_S3_DIR=$parts/s3 "$MC_SCRIPTS/s3-dev.sh" "$@"
}

# full_start DIR: starts Postgres with pgvector (every commit on disk) and an S3 server, and exports the variables with which
# the control plane uses them. What the caller has set already is used as it is, and no server of ours is started for it.
full_start() {
  local parts line given=${MC_DATABASE_URL:-}
  parts=$(full_parts "$1")
  (umask 077 && mkdir -p -- "$parts") || die "$parts cannot be made" "set MC_DATA_DIR to a folder you may write"
  if [ -z "$given" ]; then
    _full_postgres "$1" start --fsync on || return 1
    MC_DATABASE_URL=$(_full_postgres "$1" url) || return 1
    export MC_DATABASE_URL
  else
    say "using the database of MC_DATABASE_URL"
  fi
  if [ -n "${MC_OBJECT_STORAGE_BUCKET:-}" ]; then
    say "using the bucket $MC_OBJECT_STORAGE_BUCKET of MC_OBJECT_STORAGE_BUCKET"
    return 0
  fi
  _full_s3 "$1" start || return 1
  while read -r line; do export "${line?}"; done < <(_full_s3 "$1" env)
  [ -n "${MC_OBJECT_STORAGE_BUCKET:-}" ]
}

# full_stop DIR, full_remove DIR: ends the parts that full_start started; the latter deletes their data. Both fail when
# something survives.
full_stop() { _full_each "$1" stop; }
full_remove() { _full_each "$1" remove; }

_full_each() {
  local parts code=0
  parts=$(full_parts "$1")
  [ ! -d "$parts/s3" ] || _full_s3 "$1" "$2" || code=1
  [ ! -d "$parts/postgres" ] || _full_postgres "$1" "$2" || code=1
  return "$code"
}
