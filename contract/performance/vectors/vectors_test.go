package vectors_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract/performance/vectors"
	examples "github.com/ephemera-go/nym-rewarding/metrics/vectors"
)

func TestContractAgreesWithScenarios(t *testing.T) {
	for _, name := range []string{"perfcontract-shared.json", "order.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.True(t, vectors.Is(data))
		outcome, err := vectors.Check(data)
		require.NoError(t, err)
		require.Empty(t, outcome.Failures)
		t.Log(outcome.Checked, "expectations are met in", name)
	}
}

const scenario = `{"format": 1, "scenarios": [{"name": "one",
	"start": {"admin": "admin", "epoch": 3, "monitors": ["m"], "weights": {"liveness": "1"}, "bonded": [7]},
	"steps": [{"op": "submit", "sender": "m", "epoch": 3, "node": 7, "values": {"liveness": "0.5", "config": "1"}, "expect": {}},
		{"op": "pointer", "node": 7, "expect": {"epoch": 3}}]}]}`

func TestAFailureNamesItsStep(t *testing.T) {
	for _, c := range []struct{ from, to, failure string }{
		{`{"epoch": 3}}`, `{"epoch": 4}}`, `scenario "one", step 2, pointer: expected {"epoch": 4}, got {"epoch":3}`},
		{`{"epoch": 3}}`, `{}}`, `step 2, pointer: expected {}, got {"epoch":3}`},
		{`"sender": "m"`, `"sender": "n"`, `step 1, submit: expected {}, got {"address":"n","error":"NotAuthorised"}`},
	} {
		outcome, err := vectors.Check([]byte(strings.Replace(scenario, c.from, c.to, 1)))
		require.NoError(t, err)
		require.NotEmpty(t, outcome.Failures)
		require.Contains(t, outcome.Failures[0], c.failure)
		require.Equal(t, 2, outcome.Checked)
	}
}

func TestWhatIsNoFileOfScenariosIsRefused(t *testing.T) {
	for _, c := range []struct{ from, to, why string }{
		{`"format": 1`, `"format": 2`, "its format is 2, expected 1"},
		{`"submit"`, `"send"`, `scenario 1, "one": step 1: unknown operation "send"`},
		{`"0.5"`, `"1.01"`, `"1.01" is more than 1`},
		{`"0.5"`, `"half"`, "expected digits with a point"},
		{`"weights": {"liveness": "1"}`, `"weights": {"liveness": "0.9"}`, "the weights sum to 0.9"},
		{`["m"]`, `["m", "m"]`, "m is authorised already"},
		{`"node": 7, "expect"`, `"nodes": 7, "expect"`, "unknown field"},
		{`"node": 7, "expect"`, `"node": -7, "expect"`, "cannot unmarshal"},
		{`]}]}`, `]}]} {}`, "there is more after the object"},
	} {
		_, err := vectors.Check([]byte(strings.Replace(scenario, c.from, c.to, 1)))
		require.ErrorIs(t, err, examples.ErrFile)
		require.ErrorContains(t, err, c.why)
	}
	_, err := vectors.Check([]byte(`{"format": 1, "scenarios": []}`))
	require.ErrorContains(t, err, "it holds no scenarios")
}
