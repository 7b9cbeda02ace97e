package p2p

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A member that cannot be dialled is reported with the reason, rarely, and so is its return.
func TestUnreachableMembersAreReportedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		r := &remote{t: &Transport{config: Config{Logger: slog.New(slog.NewTextHandler(&said, nil))}}}
		count := func(text string) int { return strings.Count(said.String(), text) }
		var u unreachable
		reason := "connection refused"
		fail := func(seconds int) {
			for range seconds {
				u.failed(r, nil, reason)
				time.Sleep(time.Second)
			}
		}
		fail(1)
		require.Equal(t, 1, count("connection refused"), "the reason is logged at once")
		require.Equal(t, reason, r.absence)
		fail(4)
		require.Zero(t, count("member is unreachable"), "it may be starting")
		u.over(r)
		require.Empty(t, r.absence)
		require.Equal(t, 1, strings.Count(said.String(), "\n"), said.String())
		fail(5 * 60)
		require.Equal(t, 1, count("member is unreachable"))
		require.Equal(t, 2, count("connection refused"))
		reason = "timeout"
		fail(60)
		require.Equal(t, 1, count("timeout"), "another reason is logged, too")
		for i := range 120 {
			reason = []string{"timeout", "no route"}[i%2]
			fail(1)
		}
		require.LessOrEqual(t, count("member cannot be reached"), 5, "reasons that alternate do not fill the log")
		u.over(r)
		require.Equal(t, 1, count("reachable again"))
		for range 24 * 60 { // it comes and goes for a day
			fail(30)
			u.over(r)
			time.Sleep(30 * time.Second)
		}
		require.Less(t, count("member is unreachable"), 10)
		require.LessOrEqual(t, count("member cannot be reached"), 24*6+5)
		require.Equal(t, count("member is unreachable"), count("reachable again"))
	})
}
