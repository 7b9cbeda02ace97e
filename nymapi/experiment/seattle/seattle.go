// Package seattle has the Seattle trace in the program: 20 observers, 99 mixnodes, 43 epochs. Its
// origin, licence and layout are in metrics/testdata/seattle/README.md. A test compares it with the
// file there.
package seattle

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

//go:embed seattle_uptime.csv.gz
var compressed []byte

// Trace reads the trace.
func Trace() (*trace.Trace, error) {
	content, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("read the Seattle trace: %w", err)
	}
	return trace.Read(content, "seattle_uptime.csv")
}
