#!/usr/bin/env bash
# cluster-test runs the cluster test of scripts/cluster with each installed Compose, v2 and docker-compose
# 1.29, or only with $COMPOSE. It needs the image (make image) and bin/contract, and takes less than four
# minutes for each. Each test uses two gossip modes: v2 starts with flood and docker-compose 1.29 with
# mesh, or both with $GOSSIP, which is flood, mesh or direct. After flood follows mesh, after mesh direct,
# and after direct flood.
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
