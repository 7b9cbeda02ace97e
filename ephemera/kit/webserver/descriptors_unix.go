//go:build unix

package webserver

import "syscall"

// descriptors returns how many files and connections the process may have open, or 0 if unknown.
func descriptors() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur) // its type differs between systems
}
