package answers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// TestWhatIsSaidAboutWmedianIsAFactIfItWasPlayed has the cell of one claim.
func TestWhatIsSaidAboutWmedianIsAFactIfItWasPlayed(t *testing.T) {
	c := experiment.Cell{Section: "weights", N: 10, Lie: experiment.Honest, Factor: "noise", Level: "1.5"}
	var all []records.Record
	for seed := range uint64(4) {
		figures := experiment.Figures{Weights: &experiment.Weights{Poorest: 1}}
		outcome := experiment.Outcome{Way: "wmedian", Figures: figures}
		all = append(all, records.New(experiment.Row{Cell: c, Seed: seed, Outcome: outcome}))
	}
	a, err := New(all)
	require.NoError(t, err)
	texts := map[string]string{}
	for _, f := range a.Facts() {
		texts[f.Name] = f.Text
	}
	require.Equal(t, "`holds`", texts["claims/noise/verdict"])
	require.Equal(t, "1", texts["claims/noise/1"])
	require.NotContains(t, texts, "claims/honest/verdict")
	require.Contains(t, string(a.claimsText()), "holds: An honest Nym-API with up to 1.5 times the noise")
}
