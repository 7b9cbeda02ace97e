#!/usr/bin/env bash
# inspect shows a copy of the cluster's contract database (make db) with the error against the truth. No
# container knows the truth: it is computed here from the source and the seed of the Nym-APIs.
#   scripts/inspect.sh contract.db [flags of contract inspect]
set -euo pipefail
cd "$(dirname "$0")/.."
db=${1:?copy of the contract database}
shift
read -ra compose <<<"${COMPOSE:-docker compose}"

# Source and seed are flags of the running Nym-APIs. Without containers the environment is used.
source=${SOURCE:-world} seed=${SEED:-1} ticks=${TICKS:-4}
mapfile -t containers < <("${compose[@]}" ps --quiet nymapi 2>/dev/null)
if [[ ${#containers[@]} -gt 0 ]]; then
	while read -r flag; do
		case $flag in
		--source=*) source=${flag#*=} ;;
		--seed=*) seed=${flag#*=} ;;
		--ticks=*) ticks=${flag#*=} ;;
		esac
	done < <(docker inspect --format '{{range .Config.Cmd}}{{println .}}{{end}}' "${containers[0]}")
fi
exec bin/contract inspect --db "$db" --source "$source" --seed "$seed" --ticks "$ticks" "$@"
