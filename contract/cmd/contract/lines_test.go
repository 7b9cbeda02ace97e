package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Tables fit a narrow terminal. Only a path that is longer than that is not broken.
func TestInspectFitsEightyColumns(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long-", 12), databaseName)
	require.NoError(t, os.MkdirAll(filepath.Dir(long), 0o755))
	fill(t, long)
	t.Chdir(filepath.Dir(long))
	for _, path := range []string{databaseName, long} {
		for _, args := range [][]string{
			{},
			{"--seed=1"},
			{"--last=2"},
			{"--epoch=last"},
			{"--epoch=last", "--seed=1"},
			{"--epoch=3"},
			{"--mixnode=m002"},
			{"--mixnode=m002", "--seed=1"},
			{"--mixnode=m002", "--epoch=2"},
			{"--reports"},
			{"--reports", "--epoch=3"},
			{"--reporters"},
		} {
			status, out, errs := call(t, append([]string{"inspect", "--db", path}, args...)...)
			require.Zero(t, status, errs)
			for _, line := range strings.Split(out, "\n") {
				if line != long+":" {
					require.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
				}
			}
		}
	}
}

// The longest names and large numbers fit as well.
func TestInspectFitsLongNames(t *testing.T) {
	name, late, worst := strings.Repeat("n", contract.MaxName), int64(3_600_000), &metricsError{RMSE: 100, Bias: -100, Max: 100, Paid: 240, Cells: 240}
	o := overview{
		Database: databaseName, Network: strings.Repeat("w", 64), Key: contracttest.ContractKey().Public().String(), Errors: worst,
		Members: []contract.Member{{Name: name, PeerID: contracttest.Key(1).Public().PeerID()}},
		Wins:    map[string]int{name: 8760},
	}
	line := epochLine{AfterEndMS: &late, Reporters: 100, Signers: 100, Attempts: 999, Carried: 999, Error: worst}
	line.ID, line.Status, line.Winner = 99_999, contract.StatusRewarded, &contract.Winner{Name: name}
	o.Epochs = []epochLine{line}
	e := epochView{Database: databaseName}
	e.Description = contracttest.Description(4, 3)
	e.Attempts = []contract.Attempt{{Name: name, Verdict: contract.VerdictAccepted, Bytes: 1 << 20, Reason: strings.Repeat("reason ", 30)}}
	r := reportersView{Database: databaseName}
	r.Reporters.Reporters = []contract.ReporterTotal{{NymAPI: name, Epochs: 99_999, Cells: 9_999_999, Missing: 9_999_999, Deviation: metrics.MaxDeviation, Caught: 99_999}}
	for _, table := range []string{o.table(), e.table(), r.table()} {
		for _, line := range strings.Split(table, "\n") {
			require.LessOrEqual(t, utf8.RuneCountInString(line), 80, table)
		}
	}
}
