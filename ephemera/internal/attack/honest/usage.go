package honest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
)

// Peak returns the greatest resident size of the node's processes so far, in bytes.
func (n *Node) Peak() int64 {
	if n.command == nil {
		return n.peak
	}
	return max(n.peak, process.Peak(n.command.Process.Pid))
}

// ProcessTime returns the CPU time that a process has used, zero if it has ended.
func ProcessTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return timeIn(stat)
}

// timeIn returns the user and system time that the stat of a process contains.
func timeIn(stat []byte) time.Duration {
	// The name of the program is in parentheses and may contain spaces.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// MachineTime returns the CPU time that all programs of the machine have used.
func MachineTime() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return busyIn(stat)
}

// busyIn returns the time that a stat of the machine contains, without what was spent idle and what
// is counted twice.
func busyIn(stat []byte) time.Duration {
	// The first line: cpu user nice system idle iowait irq softirq steal guest …
	const idle, ioWait, guest = 4, 5, 9
	line, _, _ := strings.Cut(string(stat), "\n")
	var sum int64
	for i, field := range strings.Fields(line) {
		if ticks, err := strconv.ParseInt(field, 10, 64); err == nil && i != idle && i != ioWait && i < guest {
			sum += ticks
		}
	}
	return time.Duration(sum) * tick
}

// tick is the unit of times in /proc.
const tick = 10 * time.Millisecond

// Time returns the CPU time that the running process has used.
func (n *Node) Time() time.Duration {
	if n.command == nil {
		return 0
	}
	return ProcessTime(n.command.Process.Pid)
}

// Disk returns the bytes in the node's folder.
func (n *Node) Disk() int64 {
	var size int64
	_ = filepath.WalkDir(n.Folder.Dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // removed while it was listed
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// Cuts returns how often the node's processes have cut a member off.
func (n *Node) Cuts(ctx context.Context) float64 {
	value, err := n.Metric(ctx, "ephemera_member_cuts_total")
	if err != nil {
		return n.cuts
	}
	return n.cuts + value
}

// Metric returns the value of a metric without labels.
func (n *Node) Metric(ctx context.Context, name string) (float64, error) {
	if n.command == nil {
		return 0, fmt.Errorf("read metric %s: %s does not run", name, n.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.HTTP+api.PathTelemetry, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("read metrics of %s: %w", n.Name, err)
	}
	defer func() { _ = response.Body.Close() }()
	return metricIn(io.LimitReader(response.Body, 4<<20), name)
}

// metricIn returns the value of a metric without labels in Prometheus' text format.
func metricIn(text io.Reader, name string) (float64, error) {
	for lines := bufio.NewScanner(text); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("read metrics: no metric %s", name)
}
