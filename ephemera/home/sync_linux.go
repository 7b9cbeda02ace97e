package home

import (
	"os"
	"syscall"
)

// syncData makes what was written to a file durable, and leaves out its times.
func syncData(file *os.File) error { return syscall.Fdatasync(int(file.Fd())) }
