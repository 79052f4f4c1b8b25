#!/bin/sh
# Makes compose/.env with passwords for the compositions, once; what is there stays. Others cannot read it.
#
#   sh compose/secrets.sh
set -eu
dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
file=$dir/.env
if [ -e "$file" ]; then
  printf '%s is there and stays\n' "$file" >&2
  exit 0
fi
hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
{
  printf '# Made by secrets.sh. All variables of the control plane: .env.example\n'
  printf 'MC_POSTGRES_PASSWORD=%s\n' "$(hex 24)"
  printf 'MC_OBJECT_STORAGE_BUCKET=missioncontrol\nMC_OBJECT_STORAGE_ACCESS_KEY=mc%s\nMC_OBJECT_STORAGE_ACCESS_SECRET=%s\n' "$(hex 8)" "$(hex 24)"
} >"$file.new"
mv -- "$file.new" "$file"
printf 'wrote %s\n' "$file" >&2
