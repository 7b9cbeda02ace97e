package architecture

import (
	"path"
	"slices"
	"strings"
)

// A tolerance lists the folders in which a check may still fail, in the notation of the rules.
// Remove a folder once it is clean.
type tolerance []string

// split separates the findings that fail a test from those in tolerated folders. A finding begins
// with its file's path and a colon.
func (t tolerance) split(found []string) (failures, tolerated []string) {
	for _, f := range found {
		if t.covers(folderOf(f)) {
			tolerated = append(tolerated, f)
		} else {
			failures = append(failures, f)
		}
	}
	return failures, tolerated
}

func (t tolerance) covers(folder string) bool {
	return slices.ContainsFunc(t, func(pattern string) bool { return covers(pattern, folder) })
}

// clean returns the entries under which nothing was found.
func (t tolerance) clean(found []string) tolerance {
	return slices.DeleteFunc(slices.Clone(t), func(pattern string) bool {
		return slices.ContainsFunc(found, func(f string) bool { return covers(pattern, folderOf(f)) })
	})
}

// folderOf returns the folder of a finding's file.
func folderOf(finding string) string {
	file, _, _ := strings.Cut(finding, ":")
	return path.Dir(file)
}

// countByFolder returns how many findings each folder has.
func countByFolder(found []string) map[string]int {
	counts := map[string]int{}
	for _, f := range found {
		counts[folderOf(f)]++
	}
	return counts
}
