package bars_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/nymapi/bars"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// drawn returns the output without escape sequences.
func drawn(out *bytes.Buffer) string { return escapes.ReplaceAllString(out.String(), "") }

func TestBarsAreDrawnAndEnd(t *testing.T) {
	var out bytes.Buffer // read after Close only, which waits for the last write
	first, second := &bars.Tracker{Message: "first", Total: 2}, &bars.Tracker{Message: "second", Total: 2}
	b := bars.Start(&out, 10, first, second)
	first.SetValue(2)
	second.SetValue(1)
	b.Close()
	require.Contains(t, drawn(&out), "first")
	require.Regexp(t, `50\.00%.*second|second.*50\.00%`, drawn(&out))
	length := out.Len()
	second.SetValue(2)
	require.Equal(t, length, out.Len())
}

func TestBarsFitOnEightyColumns(t *testing.T) {
	var out bytes.Buffer
	tracker := &bars.Tracker{Message: strings.Repeat("m", 30), Total: 1000}
	b := bars.Start(&out, 30, tracker)
	tracker.SetValue(999)
	b.Close()
	const hours = len("in 23h59m59s") // the test itself takes less than a second
	for line := range strings.Lines(drawn(&out)) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSpace(line))+hours, 80, line)
	}
}

func TestBarsAreRedrawnInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		trackers := []*bars.Tracker{{Message: "first", Total: 2}, {Message: "second", Total: 2}}
		b := bars.Start(&out, 10, trackers...)
		time.Sleep(time.Second) // in virtual time
		b.Close()
		lines := strings.Count(out.String(), "\n")
		require.Greater(t, lines, 10)
		require.Equal(t, lines-len(trackers), strings.Count(out.String(), "\x1b[A"), "only the last drawing stays")
	})
}
