#!/usr/bin/env bash
# check-modules holds the workspace and its modules together: each module builds, vets and is tidy on its own, as a
# container build and an outside user see it; all say the same Go version; and the workspace has nothing to sync.
# The last check works on a copy, so nothing in the tree changes. Run from anywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
unset GOWORK
export GOFLAGS="${GOFLAGS:--buildvcs=false -trimpath -tags=sqlite_omit_load_extension,osusergo,netgo}"

want=$(sed -n 's/^go //p' go.work)
mapfile -t modules < <(sed -n 's/^\t\.\///p' go.work)
failed=0
for dir in "${modules[@]}" scripts scripts/tools; do
	echo "module $dir"
	(
		cd "$dir"
		export GOWORK=off
		got=$(sed -n 's/^go //p' go.mod)
		[[ $got == "$want" ]] || { echo "$dir/go.mod says go $got, go.work says go $want" >&2; exit 1; }
		if grep -q '^toolchain' go.mod; then echo "$dir/go.mod: remove its toolchain line" >&2; exit 1; fi
		go mod tidy -diff
		[[ $dir == scripts/tools ]] || { go build ./... && go vet ./...; }
	) || failed=1
done

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files --cached --others --exclude-standard -z |
	while IFS= read -r -d '' f; do [[ -e $f ]] && printf '%s\0' "$f"; done |
	tar --null -T - -c | tar -x -C "$copy"
(cd "$copy" && go work sync)
# Only the versions are compared: which checksums a module needs is for tidy to say, above.
for dir in "${modules[@]}"; do
	diff -u "$dir/go.mod" "$copy/$dir/go.mod" || {
		echo "$dir: other versions alone than in the workspace; run go work sync, then go mod tidy in $dir" >&2
		failed=1
	}
done
exit $failed
