package command

import (
	"os"
	"runtime/debug"
)

// LimitMemory makes the garbage collector keep the process within its memory, in bytes. The
// environment variable GOMEMLIMIT has precedence. The limit is soft, and what SQLite uses is not
// part of it.
func LimitMemory(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}
