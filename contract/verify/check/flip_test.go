package check_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
)

// Every byte of a bundle is signed or hashed. A core is flipped without its annex, which names it
// by its digest.
func TestEveryFlippedByteIsFound(t *testing.T) {
	good := told().epoch(1).evidence()
	failed := func(e check.Evidence) int { return check.New(trusted()).Next(e).Count(check.Fail) }
	require.Zero(t, failed(good))
	step := 1
	if testing.Short() {
		step = 17
	}
	for i := 0; i < len(good.Core); i += step {
		bad := check.Evidence{Core: bytes.Clone(good.Core)}
		bad.Core[i] ^= 1 << (i % 8)
		require.Positive(t, failed(bad), "byte %d of the core", i)
	}
	for i := 0; i < len(good.Annex); i += step {
		bad := good
		bad.Annex = bytes.Clone(good.Annex)
		bad.Annex[i] ^= 1 << (i % 8)
		require.Positive(t, failed(bad), "byte %d of the annex", i)
	}
}

// A verifier reads what strangers send.
func FuzzNext(f *testing.F) {
	s := told()
	for _, b := range s.epochs {
		f.Add(b.core.Encode(), b.annex.Encode())
	}
	f.Fuzz(func(t *testing.T, core, annex []byte) {
		v := check.New(trusted())
		v.Next(check.Evidence{Core: core, Annex: annex})
		report := v.Next(check.Evidence{Core: core, Annex: annex})
		require.NotEmpty(t, report.Text())
		require.NotEmpty(t, v.Summary().Closing())
	})
}
