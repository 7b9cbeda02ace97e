package vectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func TestScenariosFindEveryErrorPlantedInTheContract(t *testing.T) {
	requireFound(t, checked{root, "contract", "performance"}, contractBugs)
}

func TestExamplesFindEveryErrorPlantedInTheEstimators(t *testing.T) {
	requireFound(t, checked{root, "metrics", ""}, estimatorBugs)
}

func requireFound(t *testing.T, c checked, bugs []bug) {
	t.Helper()
	found, err := c.find(t.TempDir(), bugs)
	require.NoError(t, err)
	require.Len(t, found, len(bugs)+1)
	require.Zero(t, found[0].Failed, "without a bug")
	require.Positive(t, found[0].Checked)
	require.Empty(t, found[0].Error+found[0].Panicked)
	var missed []string
	for i, b := range bugs {
		require.Empty(t, found[i+1].Error, b.name)
		if found[i+1].Failed == 0 && found[i+1].Panicked == "" {
			missed = append(missed, b.name)
		}
	}
	require.Empty(t, missed, "no example fails for these errors")
	t.Logf("all %d errors are found", len(bugs))
}

func TestATextThatIsNotThereIsNoError(t *testing.T) {
	c := checked{root, "metrics", ""}
	_, err := c.find(t.TempDir(), []bug{{"none", "estimator.go", "no such text", ""}})
	require.ErrorContains(t, err, `plant "none": estimator.go has 0 times "no such text", expected once`)
	_, err = c.find(t.TempDir(), []bug{{"none", "none.go", "", ""}})
	require.ErrorContains(t, err, "file none.go not found")
}
