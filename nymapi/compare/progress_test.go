package compare

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestProgressIsALineForEachEpochWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	progress := NewProgress(&out, false, smallPlan(LieZero))
	progress.Settled(Single, 1, rewarded(1, "nymapi-1", 12*time.Millisecond))
	progress.Settled(Ephemera, 2, missedRecord(2, "no submission"))
	progress.Close()
	require.Equal(t, "single   epoch 1 of 2 rewarded by nymapi-1 after 12 ms\nephemera epoch 2 of 2 missed: no submission\n", out.String())
}

func TestBarsAreDrawnUntilClose(t *testing.T) {
	var out bytes.Buffer // read only after Close, which waits for the last write
	progress := NewProgress(&out, true, smallPlan(LieZero))
	progress.Settled(Single, 1, rewarded(1, "nymapi-1", 0))
	progress.Settled(Single, 2, rewarded(2, "nymapi-1", 0))
	progress.Close()
	require.Contains(t, out.String(), "single, epoch 2 of 2")
	require.Contains(t, out.String(), "ephemera, epoch 1 of 2")
}

func TestBarsFitOnEightyColumns(t *testing.T) {
	p := smallPlan(LieZero)
	p.Epochs = 10_000
	var out bytes.Buffer
	progress := NewProgress(&out, true, p)
	for epoch := range 9998 {
		progress.Settled(Ephemera, epoch+1, rewarded(1, "nymapi-1", 0))
	}
	progress.Close()
	escapes := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	const hours = len("in 23h59m59s") // not shown in a test
	for line := range strings.Lines(escapes.ReplaceAllString(out.String(), "")) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSpace(line))+hours, 80, line)
	}
}
