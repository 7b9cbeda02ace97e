#!/usr/bin/env bash
# fuzz runs every fuzz target of every module in turn, each for TIME (default 60s), and stops at the first
# failing input. Go writes that input to the package's testdata/fuzz: commit it with the fix.
#   usage: scripts/fuzz.sh [TIME] [TARGET-REGEXP]
set -euo pipefail
cd "$(dirname "$0")/.."
unset GOWORK
export GOFLAGS="${GOFLAGS:--buildvcs=false -trimpath -tags=sqlite_omit_load_extension,osusergo,netgo}"

time=${1:-60s}
match=${2:-.}
count=0
while IFS=: read -r file target; do
	[[ $target =~ $match ]] || continue
	dir=$(dirname "$file")
	printf '\n%s %s for %s\n' "$dir" "$target" "$time"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$dir"
	count=$((count + 1))
done < <(git ls-files --cached --others --exclude-standard -- '*_test.go' | sort |
	xargs -r grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed 's/:func /:/')
echo "fuzz: $count targets, $time each, no failures"
