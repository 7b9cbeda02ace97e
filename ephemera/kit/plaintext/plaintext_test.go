package plaintext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
)

func TestMarksAndLineEndsAreNotPartOfAWord(t *testing.T) {
	for _, file := range []string{"word", "word\n", "word\r\n", "\xef\xbb\xbfword\r\n\r\n", " word\t"} {
		word, err := plaintext.Word([]byte(file))
		require.NoError(t, err)
		require.Equal(t, "word", word)
	}
	text, err := plaintext.Decode([]byte("\xef\xbb\xbf\xef\xbb\xbfa\n"))
	require.NoError(t, err)
	require.Equal(t, "\xef\xbb\xbfa\n", string(text), "only one mark is removed")
	for _, file := range []string{"\xff\xfew\x00", "\xfe\xff\x00w"} {
		_, err := plaintext.Word([]byte(file))
		require.ErrorContains(t, err, "save it as UTF-8")
	}
}
