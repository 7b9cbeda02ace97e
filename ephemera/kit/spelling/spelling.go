// Package spelling finds the known name that an unknown one was probably meant to be: of a setting,
// of a choice, or of an environment variable.
//
// The package is unstable: it is public only because the modules of this repository share it.
package spelling

import (
	"regexp"
	"slices"
	"strings"
)

// Nearest returns the known name most similar to name, or "" if none is similar enough: at most one
// mistake for every three characters, and one in shorter names.
func Nearest(name string, known []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, candidate := range known {
		if d := distance(name, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the mistakes between two names: single characters that are inserted, deleted or
// replaced, and neighbours that are swapped (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Variable is an environment variable that the program does not read, as an error that names it.
type Variable struct {
	Name  string
	Meant string // the known name that was probably meant, or ""
}

func (v Variable) Error() string {
	if v.Meant == "" {
		return v.Name + ": unknown variable"
	}
	return v.Name + ": unknown variable, did you mean " + v.Meant + "?"
}

// Unknown returns the variables whose names begin with prefix and are not among the known ones, in
// the order of their names. Entries have the form NAME=value, like those of os.Environ. A variable
// with an empty value is not set. Those that container schedulers set for each service, such as
// PREFIX_SERVICE_HOST, are not meant for the program and left out.
func Unknown(environ []string, prefix string, known []string) []Variable {
	var unknown []Variable
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(name, prefix)
		if !ours || value == "" || slices.Contains(known, name) || scheduled(rest, value) {
			continue
		}
		rests := make([]string, len(known))
		for i, k := range known {
			rests[i] = strings.TrimPrefix(k, prefix)
		}
		meant := Nearest(rest, rests)
		if meant != "" {
			meant = prefix + meant
		}
		unknown = append(unknown, Variable{Name: name, Meant: meant})
	}
	slices.SortFunc(unknown, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return unknown
}

// service matches the ends of the names that Kubernetes and Docker links derive from a service's.
var service = regexp.MustCompile(`(^|_)(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)$`)

// scheduled reports whether a container scheduler has set the variable.
func scheduled(rest, value string) bool {
	match := service.FindString(rest)
	return match != "" && (strings.TrimPrefix(match, "_") != "PORT" || strings.Contains(value, "://"))
}
