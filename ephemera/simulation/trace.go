package simulation

import (
	"fmt"
	"io"
)

// trace is a running FNV-1a hash of everything that happens, and optionally its text.
type trace struct {
	hash uint64
	out  io.Writer
}

const (
	traceStart = 0xcbf29ce484222325
	tracePrime = 0x100000001b3
)

// add adds something that happened: when, what, to whom, by whom, and one more number.
func (t *trace) add(at int64, what byte, to, from int, more uint64) {
	h := t.hash
	for _, v := range [...]uint64{uint64(at), uint64(what), uint64(to), uint64(from), more} {
		h = (h ^ v) * tracePrime
		h ^= h >> 29
	}
	t.hash = h
}

// printf writes a line of text. Callers whose arguments are expensive check first whether there is
// an output.
func (t *trace) printf(at int64, format string, args ...any) {
	if t.out != nil {
		fmt.Fprintf(t.out, "%9.3f ms  %s\n", float64(at)/1000, fmt.Sprintf(format, args...))
	}
}
