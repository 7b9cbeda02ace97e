package compare

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEndSaysWhatTheChecksOfTheBundlesFound(t *testing.T) {
	scene := Scene{Plan: &Plan{}, Summary: Summary{Modes: []ModeSummary{{Mode: Single}, {Mode: Ephemera}}}}
	scene.Plan.Nodes = 4
	require.Empty(t, checked(scene), "no bundles were written")
	scene.Summary.Modes[0].Checks = &Checks{Passed: 64, NotCheckable: 80}
	scene.Summary.Modes[1].Checks = &Checks{Passed: 140, Warnings: 1, Failed: 3}
	require.Equal(t, "\nThe evidence, checked as `contract verify` does:\n"+
		"  one Nym-API       64 of 64 checks passed, 80 not checkable\n"+
		"  4 with Ephemera   140 of 144 checks passed, 3 FAILED, 1 with a warning\n", checked(scene))
}
