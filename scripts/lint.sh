#!/usr/bin/env bash
# lint checks every module with gofmt, gofumpt, go vet and staticcheck (versions: scripts/tools/go.mod).
# With --fix it formats the files with gofumpt instead. Run it from any folder. It needs no network once
# the tools' modules are in the module cache.
set -euo pipefail
cd "$(dirname "$0")/.."
unset GOWORK
export GOFLAGS="${GOFLAGS:--buildvcs=false -trimpath -tags=sqlite_omit_load_extension,osusergo,netgo}"

tools=$PWD/bin/tools
mkdir -p "$tools"
# The tools have their own dependencies, so they are built outside the workspace, without the project's tags.
GOWORK=off GOFLAGS=-buildvcs=false go build -C scripts/tools -o "$tools/" tool

mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.go' | while read -r f; do [[ -e $f ]] && echo "$f"; done)
if [[ ${1:-} == --fix ]]; then
	"$tools/gofumpt" -w "${files[@]}"
	exit 0
fi

failed=0
report() { # report NAME FILES: fails if a formatter listed files.
	[[ -z $2 ]] && return
	printf '%s would change these files (run make format):\n%s\n' "$1" "$2" >&2
	failed=1
}
report gofmt "$(gofmt -l "${files[@]}")"
report gofumpt "$("$tools/gofumpt" -l "${files[@]}")"

mapfile -t modules < <(go list -m -f '{{.Dir}}')
go vet work || failed=1
for dir in "${modules[@]}"; do
	(cd "$dir" && "$tools/staticcheck" ./...) || failed=1
done
for dir in scripts scripts/bench-cometbft; do
	(cd "$dir" && GOWORK=off go vet ./... && GOWORK=off "$tools/staticcheck" ./...) || failed=1
done
[[ $failed == 0 ]] && echo "lint: ${#files[@]} files, no problems found"
exit $failed
