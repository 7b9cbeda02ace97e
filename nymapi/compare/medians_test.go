package compare

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The third mode measures the same world: a lie of one of four moves no median out of the honest
// values, and only the batches go to the contract.
func TestThePerformanceContractIsTheThirdRow(t *testing.T) {
	config := short(func(c *Config) { c.Liars, c.Performance = 1, true })
	p, err := config.Plan()
	require.NoError(t, err)
	require.Equal(t, []Mode{Single, Ephemera, Performance}, p.Modes())
	outcomes, err := Run(t.Context(), p, Options{Work: workDir(t), Logger: logged(t)})
	require.NoError(t, err)
	s := NewSummary(p, "test", outcomes)
	single, medians := s.Modes[0], s.Modes[2]
	require.Equal(t, Performance, medians.Mode)
	require.Equal(t, p.Epochs, medians.Rewarded)
	require.Greater(t, *single.RMSE, 60.0)
	require.Less(t, *medians.RMSE, 6.0)
	require.Equal(t, 4*p.Epochs, medians.SubmissionsAccepted)
	require.Equal(t, 4*p.Epochs, medians.Transactions)
	require.Equal(t, map[string]int{"(contract)": p.Epochs}, medians.Winners)
	require.Zero(t, medians.Verification.Failed, medians.Verification.Groups())
	require.Positive(t, medians.Verification.NotCheckable)
	require.Less(t, medians.ContractBytes, s.Modes[1].ContractBytes, "no block, no certificate")
	require.True(t, s.Explained())

	var text, page bytes.Buffer
	require.NoError(t, writeAll(&text, p, s, ResultsDir+"/20261120T123000.005Z"))
	requireNarrow(t, text.String())
	for _, line := range []string{"performance  ", "to the contract", "4, perf. contract", "over the "} {
		require.Contains(t, text.String(), line)
	}
	require.NoError(t, WriteReport(&page, []Scene{{p, s}}, outcomes))
	require.Contains(t, page.String(), "4 with the performance contract")
	require.Contains(t, page.String(), `<circle class="performance"`)
	require.Contains(t, p.Command(), "nymapi compare --epoch 2s --epochs 2 --liars-at 1 --mixnodes 40 --performance-contract")
}

func TestSentencesSayWhatLiarsAndSilentOnesDoToAMedian(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, "Here nobody lies and nobody is offline."},
		{func(c *Config) { c.Offline = 1 }, "Here 1 is offline. Who is silent is not waited for: the median is that of fewer values."},
		{func(c *Config) { c.Liars = 1 }, "Here 1 lies. A median of more than 2 values lies between two honest ones; one of fewer may be a lie."},
		{func(c *Config) { c.Liars = 2 }, "Half or more of the 4 that submit lie, so the lies can decide what is paid."},
		{func(c *Config) { c.Liars, c.Offline = 1, 2 }, "Half or more of the 2 that submit lie"},
	} {
		p, err := with(func(config *Config) { config.Performance = true; c.change(config) }).Plan()
		require.NoError(t, err)
		require.Contains(t, p.performanceSentence(ModeSummary{Mode: Performance}), c.want)
	}
}

func TestThePerformanceContractNeedsItsRules(t *testing.T) {
	_, err := with(func(c *Config) { c.Performance, c.Verify = true, VerifyNone }).Plan()
	require.ErrorContains(t, err, "--performance-contract true: expected it only with --verify full")
}

// What a mode sent to its contract counts once, also what was refused.
func TestTransactionsCountBatchesAndRefusals(t *testing.T) {
	record := rewarded(1, "(contract)", time.Millisecond)
	record.Detail.Batches, record.Detail.BatchBytes, record.Detail.AttemptsDropped = 3, 300, 1
	record.Detail.Attempts[0].Bytes = 1000 // the contract's own
	o := Outcome{Mode: Performance, Records: []Record{record}}
	transactions, bytes := o.toContract()
	require.Equal(t, 4, transactions)
	require.EqualValues(t, 300, bytes)
	accepted, late, refused := o.submissions()
	require.Equal(t, []int{3, 0, 0}, []int{accepted, late, refused})
	o.Mode = Ephemera
	transactions, bytes = o.toContract()
	require.Equal(t, 5, transactions)
	require.EqualValues(t, 1300, bytes)
	require.NotContains(t, Performance.Short(), "-")
}
