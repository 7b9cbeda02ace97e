#!/usr/bin/env bash
# contract-db copies the cluster's contract database consistently, whether the contract is running or not:
#   scripts/contract-db.sh contract.db
# A separate container copies it from the contract's volume. A plain copy of a database in use could be
# inconsistent.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?file name of the copy}
read -ra compose <<<"${COMPOSE:-docker compose}"

copy=$(mktemp "$target.XXXXXX")
trap 'rm -f "$copy"' EXIT
"${compose[@]}" run --rm --no-deps -T contract contract backup --home=/data --to=- >"$copy"
chmod 0644 "$copy"
rm -f "$target-wal" "$target-shm"
mv "$copy" "$target"
