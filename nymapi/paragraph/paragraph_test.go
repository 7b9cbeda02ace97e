package paragraph_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

func TestLinesFitAndKeepEveryWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z0-9é.,:]{1,30}`), 0, 60).Draw(t, "words")
		wrapped := paragraph.Wrap(strings.Join(words, " "))
		require.Equal(t, strings.Fields(strings.Join(words, " ")), strings.Fields(wrapped))
		lines := strings.Split(wrapped, "\n")
		for i, line := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(line), paragraph.Width)
			require.Equal(t, strings.TrimSpace(line), line)
			if i > 0 {
				first, _, _ := strings.Cut(line, " ")
				require.Greater(t, utf8.RuneCountInString(lines[i-1]+" "+first), paragraph.Width, "a line ends only where the next word does not fit")
			}
		}
	})
}
