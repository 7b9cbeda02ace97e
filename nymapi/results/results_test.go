package results_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/results"
)

func TestAFileIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Chdir(t.TempDir())
	f, err := results.New("mine", "", time.Unix(0, 0))
	require.NoError(t, err)
	broken := errors.New("broken")
	require.ErrorIs(t, f.Write("a", func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	}), broken)
	entries, err := os.ReadDir(f.Path)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestTheLinkIsOnlyMovedIfItIsOne(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("mine/latest", 0o755))
	f, err := results.New("mine", "", time.Unix(0, 0))
	require.NoError(t, err)
	require.ErrorContains(t, f.Finish(), "link mine/latest: it is not a link to earlier results (move it away)")
	require.DirExists(t, "mine/latest")
}
