#!/usr/bin/env bash
# contract-db makes a consistent copy of the cluster's contract database, while the contract runs or after it stopped:
#   scripts/contract-db.sh contract.db
# A container of its own takes the copy from the contract's volume; a plain copy of a database in use could be torn.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?name of the copy}
read -ra compose <<<"${COMPOSE:-docker compose}"

copy=$(mktemp "$target.XXXXXX")
trap 'rm -f "$copy"' EXIT
"${compose[@]}" run --rm --no-deps -T contract contract backup --home=/data --to=- >"$copy"
chmod 0644 "$copy"
rm -f "$target-wal" "$target-shm"
mv "$copy" "$target"
