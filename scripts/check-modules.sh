#!/usr/bin/env bash
# check-modules checks that the workspace and its modules agree: each module builds, vets and is tidy on
# its own, as a container build or an outside user sees it. All use the same Go version, and `go work sync`
# changes nothing. The last check works on a copy, so the tree stays unchanged. Run it from any folder.
set -euo pipefail
cd "$(dirname "$0")/.."
unset GOWORK
export GOFLAGS="${GOFLAGS:--buildvcs=false -trimpath -tags=sqlite_omit_load_extension,osusergo,netgo}"

want=$(sed -n 's/^go //p' go.work)
mapfile -t modules < <(sed -n 's/^\t\.\///p' go.work)
failed=0
for dir in "${modules[@]}" scripts scripts/bench-cometbft scripts/tools; do
	echo "module $dir"
	(
		cd "$dir"
		export GOWORK=off
		got=$(sed -n 's/^go //p' go.mod)
		[[ $got == "$want" ]] || { echo "$dir/go.mod requires go $got, go.work requires go $want: make them equal" >&2; exit 1; }
		if grep -q '^toolchain' go.mod; then echo "$dir/go.mod: remove its toolchain line" >&2; exit 1; fi
		go mod tidy -diff
		[[ $dir == scripts/tools ]] || { go build -o /dev/null ./... && go vet ./...; } # a module with one program would leave it here
	) || failed=1
done

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files --cached --others --exclude-standard -z |
	while IFS= read -r -d '' f; do [[ -e $f ]] && printf '%s\0' "$f"; done |
	tar --null -T - -c | tar -x -C "$copy"
(cd "$copy" && go work sync)
# Only go.mod is compared; go mod tidy above has checked go.sum.
for dir in "${modules[@]}"; do
	diff -u "$dir/go.mod" "$copy/$dir/go.mod" || {
		echo "$dir: versions differ from the workspace: run go work sync, then go mod tidy in $dir" >&2
		failed=1
	}
done
exit $failed
