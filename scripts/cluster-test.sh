#!/usr/bin/env bash
# cluster-test starts, disturbs, inspects and removes a cluster of its own with each Compose that is installed, v2 and
# docker-compose 1.29 (or with $COMPOSE alone). Needs the image (make image) and bin/contract. Under four minutes each.
# Each test runs under both ways of gossip: v2 begins with flood and docker-compose 1.29 with mesh (or both with $GOSSIP).
# What it proves is in scripts/cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin
GOWORK=off go build -C scripts -o ../bin/cluster-test ./cluster

flavours=()
if [[ -n ${COMPOSE:-} ]]; then
	flavours=("$COMPOSE")
else
	docker compose version >/dev/null 2>&1 && flavours+=("docker compose")
	command -v docker-compose >/dev/null && flavours+=("docker-compose")
fi
[[ ${#flavours[@]} -gt 0 ]] || { echo "neither docker compose nor docker-compose is installed" >&2; exit 1; }
for flavour in "${flavours[@]}"; do
	echo "cluster test with $flavour"
	gossip=flood
	[[ $flavour == docker-compose* ]] && gossip=mesh
	bin/cluster-test -compose "$flavour" -gossip "${GOSSIP:-$gossip}" -image "${IMAGE:-nym-rewarding:local}"
done
