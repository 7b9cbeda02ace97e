#!/usr/bin/env bash
# image builds the container image in one of two ways with the same result:
#   scripts/image.sh multistage IMAGE VERSION    compiles in golang:1.26-bookworm, as docker compose does
#   scripts/image.sh host IMAGE VERSION          copies bin/nymapi, bin/contract and bin/ephemera; needs no base image
# `make image-multistage` and `make image` run it.
set -euo pipefail
cd "$(dirname "$0")/.."

way=${1:?multistage or host} image=${2:?image} version=${3:?version}
case $way in
multistage)
	docker build --file scripts/Dockerfile --build-arg "VERSION=$version" --tag "$image" .
	;;
host)
	programs=(nymapi contract ephemera)
	for program in "${programs[@]}"; do
		# The image has no dynamic linker: a dynamic binary would fail there with "no such file".
		if command -v readelf >/dev/null && readelf -l "bin/$program" | grep -q INTERP; then
			echo "bin/$program is not a static Linux binary (run make image-multistage)" >&2
			exit 1
		fi
	done
	context=$(mktemp -d)
	trap 'rm -rf "$context"' EXIT
	mkdir -p "$context/image/bin" "$context/image/data" "$context/image/enrolment"
	cp "${programs[@]/#/bin/}" "$context/image/bin/"
	# This is the last stage verbatim, except that its files come from the context instead of the build stage.
	sed -n '/^FROM scratch/,$ { s/--from=build //; p }' scripts/Dockerfile >"$context/Dockerfile"
	docker build --build-arg "VERSION=$version" --tag "$image" "$context"
	;;
*)
	echo "$way: expected multistage or host" >&2
	exit 2
	;;
esac
