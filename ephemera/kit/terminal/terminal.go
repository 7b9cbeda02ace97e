// Package terminal tells terminals from files, pipes and other devices.
//
// The package is unstable: it is public only because the modules of this repository share it.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Is reports whether w is a terminal. A character device such as /dev/null is not one.
func Is(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
