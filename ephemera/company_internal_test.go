package ephemera

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// However large the group, members send about as many announcements a minute as in one of 16.
func TestAnnouncementsOfLargeGroupsAreRare(t *testing.T) {
	for n, looks := range map[int]int{1: 15, 4: 15, 16: 15, 32: 30, 100: 93} {
		require.Equal(t, looks, announcePause(n), "n=%d", n)
	}
}
