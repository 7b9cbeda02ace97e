// Package process says what a process that another program runs and measures has used. It reads
// /proc, and returns zero on systems without it. Only the programs of `make attack` use it.
//
// The package is unstable: it is public only because the modules of this repository share it.
package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Peak returns the greatest resident size of a process so far in bytes, zero if it has ended.
func Peak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	return peakIn(status)
}

// peakIn returns the peak resident size that a status of /proc contains, in bytes.
func peakIn(status []byte) int64 {
	for line := range bytes.Lines(status) {
		if fields := strings.Fields(string(line)); len(fields) >= 2 && fields[0] == "VmHWM:" {
			size, _ := strconv.ParseInt(fields[1], 10, 64)
			return size << 10
		}
	}
	return 0
}
