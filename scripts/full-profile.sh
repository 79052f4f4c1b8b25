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

_full_mosquitto() {
  local parts
  parts=$(full_parts "$1")
  shift
  MC_MOSQUITTO_DIR=$parts/mosquitto "$MC_SCRIPTS/mosquitto-dev.sh" "$@"
}

# full_start DIR: starts Postgres with pgvector (every commit on disk), an S3 server and, when it has its configuration, an MQTT
# broker, and exports the variables with which the control plane uses them. What the caller has set already is used as it is,
# and no server of ours is started for it.
_FULL_OWN_BROKER=
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
  if [ -n "${MC_MQTT_BROKER_URL:-}" ]; then
    say "using the MQTT broker of MC_MQTT_BROKER_URL"
  else
    _full_mosquitto "$1" install || return 1
    line=$(_full_mosquitto "$1" env) || return 1
    export "${line?}"
    _FULL_OWN_BROKER=1
    # At the first start there is nobody yet who signs its certificate.
    [ ! -s "$parts/mosquitto/config/mosquitto.conf" ] || _full_mosquitto "$1" start || return 1
  fi
  if [ -n "${MC_OBJECT_STORAGE_BUCKET:-}" ]; then
    say "using the bucket $MC_OBJECT_STORAGE_BUCKET of MC_OBJECT_STORAGE_BUCKET"
    return 0
  fi
  _full_s3 "$1" start || return 1
  while read -r line; do export "${line?}"; done < <(_full_s3 "$1" env)
  [ -n "${MC_OBJECT_STORAGE_BUCKET:-}" ]
}

# full_broker DIR BIN: gives our MQTT broker its configuration, made by the control plane that runs, or renews it after a week,
# starts it, and waits until the control plane is connected. Nothing when full_start found another broker.
full_broker() {
  local config address http told
  [ -n "$_FULL_OWN_BROKER" ] || return 0
  config=$(full_parts "$1")/mosquitto/config
  address=$(_full_mosquitto "$1" address) || return 1
  http=$(sed -n 's|.*"http": "\(http://[^"]*\)".*|\1|p' "$1/run/endpoints.json")
  if [ ! -s "$config/mosquitto.conf" ] || [ -n "$(find "$config/revoked.crl" -mtime +6)" ]; then
    "$2/mc" --server "$http" --token-file "$1/token" system broker-config --dir "$config" --listen "$address" \
      --name 127.0.0.1 --name localhost >/dev/null || return 1
    ! _full_mosquitto "$1" status >/dev/null || _full_mosquitto "$1" reload || return 1
  fi
  _full_mosquitto "$1" start || return 1
  for _ in $(seq 300); do
    told=$("$2/mc" --server "$http" --token-file "$1/token" system doctor --no-objects 2>&1 || true)
    case $told in *"connected to $address"*) return 0 ;; esac
    sleep 0.1
  done
  printf '%s\n' "$told" >&2
  warn "the control plane has no connection to its MQTT broker at $address"
  return 1
}

# full_stop DIR, full_remove DIR: ends the parts that full_start started; the latter deletes their data. Both fail when
# something survives.
full_stop() { _full_each "$1" stop; }
full_remove() { _full_each "$1" remove; }

_full_each() {
  local parts code=0
  parts=$(full_parts "$1")
  [ ! -d "$parts/mosquitto" ] || _full_mosquitto "$1" "$2" || code=1
  [ ! -d "$parts/s3" ] || _full_s3 "$1" "$2" || code=1
  [ ! -d "$parts/postgres" ] || _full_postgres "$1" "$2" || code=1
  return "$code"
}
