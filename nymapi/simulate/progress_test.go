package simulate

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	for name, c := range map[string]struct {
		show func(*Progress)
		want string
	}{
		"half a day": {func(p *Progress) { p.Advance(12*time.Hour, 24*time.Hour) }, `24h0m0s of virtual time.* 50\.00%`},
		"a search":   {func(p *Progress) { p.Searched(7, 2*time.Minute, time.Minute) }, `7 schedules in 1m0s.* done!`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer // read after Close only, which waits for the last write
			progress := NewProgress(&out, true)
			c.show(progress)
			progress.Close()
			require.Regexp(t, c.want, out.String())

			out.Reset()
			progress = NewProgress(&out, false)
			c.show(progress)
			progress.Close()
			require.Empty(t, out.String())
		})
	}
	NewProgress(new(bytes.Buffer), true).Close() // nothing was shown
}
