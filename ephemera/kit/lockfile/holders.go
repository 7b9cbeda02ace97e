package lockfile

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// By returns ", held by process 1" with the Holders of files, or "" if they are unknown.
func By(paths ...string) string {
	holders := Holders(paths...)
	switch len(holders) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(", held by process %d", holders[0])
	}
	return ", held by processes " + strings.Trim(fmt.Sprint(holders), "[]")
}

// Holders returns the IDs of other processes that hold locks on files, in ascending order, as far
// as the system tells: Linux does. It does not open the files, because closing one would release
// the locks that this process has on it.
func Holders(paths ...string) []int {
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	var files []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			if s, ok := info.Sys().(*syscall.Stat_t); ok {
				files = append(files, fmt.Sprint(s.Ino))
			}
		}
	}
	var found []int
	for line := range strings.Lines(string(table)) {
		// 1: POSIX  ADVISORY  WRITE 1234 fe:00:56789 120 120; a waiting one has "->" after its number.
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] == "->" {
			continue
		}
		id, err := strconv.Atoi(fields[4])
		inode := fields[5][strings.LastIndexByte(fields[5], ':')+1:]
		if err == nil && id > 0 && id != os.Getpid() && slices.Contains(files, inode) {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
