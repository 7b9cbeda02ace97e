#!/usr/bin/env bash
# verify checks all settled epochs of the running cluster, for somebody who does not trust its contract:
#   scripts/verify.sh FOLDER [flags of contract verify]
# The evidence comes from the contract, the group and the contract's key from FOLDER. At the first use they
# are copied there from a Nym-API, which keeps both in its folder. Later the copies are used as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?folder of the trusted group and contract key}
shift
read -ra compose <<<"${COMPOSE:-docker compose}"

if [[ ! -e $folder/group || ! -e $folder/contract.key ]]; then
	mapfile -t containers < <("${compose[@]}" ps --quiet nymapi)
	[[ ${#containers[@]} -gt 0 ]] || { echo "no Nym-API is running: start the cluster with make up" >&2; exit 1; }
	mkdir -p "$folder"
	for file in group contract.key; do
		docker cp "${containers[0]}:/data/1/$file" "$folder/$file" >/dev/null ||
			{ echo "Nym-API 1 does not have its $file yet: it waits for the group, try again" >&2; exit 1; }
	done
	echo "Copied the group and the contract's key from Nym-API 1 to $folder."
	echo
fi
exec bin/contract verify --url "http://$("${compose[@]}" port contract 8080)" --group "$folder/group" --contract-key "$folder/contract.key" "$@"
