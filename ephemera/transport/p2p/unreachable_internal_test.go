package p2p

import (
	"bytes"
	"errors"
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
		fail := func(seconds int) {
			for range seconds {
				u.failed(r, nil, errors.New("connection refused"))
				time.Sleep(time.Second)
			}
		}
		fail(5)
		require.Zero(t, count("member is unreachable"), "it may be starting")
		u.over(r)
		require.Empty(t, said.String())
		fail(5 * 60)
		require.Equal(t, 1, count("member is unreachable"))
		require.Equal(t, 1, count("connection refused"))
		u.over(r)
		require.Equal(t, 1, count("reachable again"))
		for range 24 * 60 { // it comes and goes for a day
			fail(30)
			u.over(r)
			time.Sleep(30 * time.Second)
		}
		require.Less(t, count("member is unreachable"), 10)
		require.Equal(t, count("member is unreachable"), count("reachable again"))
	})
}
