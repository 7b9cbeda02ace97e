package uptime_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/uptime"
)

func TestOnlyTimeWhileOpenCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := uptime.New(0)
		time.Sleep(uptime.Interval - time.Millisecond)
		now, due := c.Due()
		require.Equal(t, (uptime.Interval - time.Millisecond).Milliseconds(), now)
		require.False(t, due)
		time.Sleep(time.Millisecond)
		now, due = c.Due()
		require.True(t, due)
		c.Saved(now)
		_, due = c.Due()
		require.False(t, due, "it is durable")

		time.Sleep(24 * time.Hour) // stopped
		c = uptime.New(now)
		require.Equal(t, now, c.Now())
		time.Sleep(time.Second)
		require.Equal(t, now+1000, c.Now())
		c.Advance(time.Hour)
		require.Equal(t, now+1000+time.Hour.Milliseconds(), c.Now())
	})
}
