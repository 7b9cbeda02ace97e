package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func rewarded(epoch contract.Epoch, winner string, after time.Duration, values ...metrics.Uptime) Record {
	d := detail(epoch, contract.StatusRewarded)
	d.Winner = &contract.Winner{Name: winner, AcceptedAt: d.End.Add(after)}
	for i, value := range values {
		d.Result = append(d.Result, contract.Reward{Mixnode: metrics.MixID(rune('a' + i)), Value: value, Reports: 3})
	}
	d.Attempts = []contract.Attempt{{Name: winner, Verdict: contract.VerdictAccepted}}
	return Record{Detail: d}
}

func missedRecord(epoch contract.Epoch, reason string) Record {
	d := detail(epoch, contract.StatusMissed)
	d.Reason = reason
	return Record{Detail: d}
}

// smallOutcomes returns outcomes of smallPlan: single paid both epochs, ephemera missed the second.
func smallOutcomes(t *testing.T) []Outcome {
	first := rewarded(1, "nymapi-2", 35*time.Millisecond, 9200, 4700)
	first.Detail.Attempts = append(first.Detail.Attempts,
		contract.Attempt{Name: "nymapi-1", Verdict: contract.VerdictInvalid}, contract.Attempt{Name: "nymapi-3", Verdict: contract.VerdictLate})
	matrix, err := metrics.NewMatrix([]metrics.MixID{"a", "b"}, []metrics.Row{
		{Reporter: "x", Values: []metrics.Uptime{0, 0}},
		{Reporter: "y", Values: []metrics.Uptime{9200, 4700}},
		{Reporter: "z", Values: []metrics.Uptime{10000, 6000}},
	})
	require.NoError(t, err)
	first.Matrix = &matrix
	second := rewarded(2, "nymapi-1", 20*time.Millisecond, 0, metrics.Missing)
	second.Detail.Result[0].CarriedFrom = 1
	return []Outcome{
		{
			Mode: Single, SentBytes: 900, Running: 1, Ended: 2, Verification: unprovenEvidence(2),
			Records: []Record{rewarded(1, "nymapi-1", 10*time.Millisecond, 0, 0), second},
		},
		{
			Mode: Ephemera, SentBytes: 120_000, Running: 3, Ended: 2, Verification: doctoredEvidence(),
			Records: []Record{first, missedRecord(2, "no valid submission in time")},
		},
	}
}

func TestSummaryHoldsTheFiguresComputedByHand(t *testing.T) {
	p := smallPlan(LieZero, 1)
	s := NewSummary(p, "test", smallOutcomes(t))
	require.Len(t, s.Modes, 2)

	single := s.Modes[0]
	require.Equal(t, []int{2, 2}, []int{single.Epochs, single.Rewarded})
	require.InDelta(t, 78.9515, *single.RMSE, 1e-4, "sqrt((90² + 50² + 90²) / 3)")
	require.InDelta(t, -230/3.0, *single.Bias, 1e-9)
	require.InDelta(t, 90, *single.MaxError, 1e-9)
	require.Equal(t, []int{4, 2, 1, 1}, []int{single.Cells, single.Fresh, single.Carried, single.Unpaid})
	require.InDelta(t, math.Sqrt((8100+2500)/2), *single.RMSEFresh, 1e-9)
	require.InDelta(t, *single.RMSEFresh, *single.RMSECommon, 1e-9, "ephemera paid the first epoch only")
	require.Equal(t, 2, s.CommonCells)
	require.Zero(t, *single.Overpaid)
	require.InDelta(t, (90+50+90+40)/4.0, *single.Underpaid, 1e-9)
	require.EqualValues(t, 10, *single.AcceptMSP50)
	require.EqualValues(t, 20, *single.AcceptMSMax)
	require.EqualValues(t, 450, *single.BytesPerNodeEpoch)
	require.InDelta(t, 10, *single.RMSEBest, 1e-9)
	require.InDelta(t, 10, *single.RMSEMedian, 1e-9)
	require.InDelta(t, 71.2390, *single.RMSEWorst, 1e-4, "sqrt((90² + 50² + 90² + 40²) / 4), the liar alone")

	ephemera := s.Modes[1]
	require.Equal(t, []int{2, 1}, []int{ephemera.Epochs, ephemera.Rewarded})
	require.InDelta(t, 2.5495, *ephemera.RMSE, 1e-4, "sqrt((2² + 3²) / 2)")
	require.InDelta(t, -0.5, *ephemera.Bias, 1e-9)
	require.InDelta(t, 3, *ephemera.MaxError, 1e-9)
	require.Equal(t, []int{4, 2, 0, 2}, []int{ephemera.Cells, ephemera.Fresh, ephemera.Carried, ephemera.Unpaid})
	require.InDelta(t, 2/4.0, *ephemera.Overpaid, 1e-9)
	require.InDelta(t, (3+90+40)/4.0, *ephemera.Underpaid, 1e-9, "the missed epoch is lost in full")
	require.Equal(t, []string{"what is right", "one point more"}, []string{s.Truth, s.TruthOther})
	require.Equal(t, []int{1, 1, 1}, []int{ephemera.SubmissionsAccepted, ephemera.SubmissionsLate, ephemera.SubmissionsRefused})
	require.EqualValues(t, 20_000, *ephemera.BytesPerNodeEpoch)
	require.Equal(t, map[string]int{"nymapi-2": 1}, ephemera.Winners)
	require.Len(t, ephemera.Estimators, 5)
	require.Equal(t, "mean", ephemera.Estimators[0].Name)
	require.InDelta(t, (64-90+(4700+6000)/300.0-50)/2, *ephemera.Estimators[0].Bias, 0.01)
	require.InDelta(t, *ephemera.RMSE, *ephemera.Estimators[1].RMSE, 1e-9, "the median is the estimator of the run")

	require.Len(t, s.Missed, 1)
	require.Equal(t, Missed{Mode: Ephemera, Epoch: 20, Reason: "no valid submission in time"}, s.Missed[0])
	require.False(t, s.Explained(), "four tolerate one that is offline")
}

func TestMissedEpochsAreExplainedByTheFlags(t *testing.T) {
	for _, tt := range []struct {
		name      string
		config    func(*Config)
		mode      Mode
		explained bool
		reason    string
	}{
		{"all honest", func(c *Config) {}, Ephemera, false, "said the contract"},
		{"as many offline as tolerated", func(c *Config) { c.Offline = 1 }, Ephemera, false, "said the contract"},
		{"too many offline", func(c *Config) { c.Offline = 2 }, Ephemera, true, "2 of 4 Nym-APIs are offline or silent, more than f = 1: no block can hold the reports of n-f = 3; said the contract"},
		{"silent after two reports", func(c *Config) { c.Liars = 1; c.Lie = LieSplit }, Ephemera, false, "said the contract"},
		{"too many silent", func(c *Config) { c.Liars = 1; c.Lie = LieSplit; c.Offline = 1 }, Ephemera, true, "2 of 4 Nym-APIs are offline or silent, more than f = 1: no block can hold the reports of n-f = 3; said the contract"},
		{"liars take part", func(c *Config) { c.Liars = 3 }, Ephemera, false, "said the contract"},
		{"the single one is offline", func(c *Config) { c.Offline = 1; c.Single = 4 }, Single, true, "Nym-API 4, the only one that may submit, is offline; said the contract"},
		{"another one is offline", func(c *Config) { c.Offline = 1 }, Single, false, "said the contract"},
		{"two of them, one offline", func(c *Config) { c.Nodes = 2; c.Offline = 1 }, Ephemera, true, "1 of 2 Nym-APIs are offline or silent, more than f = 0: no block can hold the reports of n-f = 2; said the contract"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := with(tt.config).Plan()
			require.NoError(t, err)
			s := NewSummary(p, "test", []Outcome{{Mode: tt.mode, Records: []Record{missedRecord(1, "said the contract.")}}})
			require.Equal(t, tt.explained, s.Explained())
			require.Equal(t, tt.reason, s.Missed[0].Reason)
		})
	}
}

func TestSummaryKeepsItsFieldNames(t *testing.T) {
	data, err := json.MarshalIndent(NewSummary(smallPlan(LieZero, 1), "test", smallOutcomes(t)), "", "  ")
	require.NoError(t, err)
	golden(t, "summary.json", append(data, '\n'))

	data, err = json.Marshal(NewSummary(smallPlan(LieZero), "test", nil))
	require.NoError(t, err)
	require.Contains(t, string(data), `"modes":[],"missed":[]`, "lists are never null")
}

func TestMissingRewardsAreEmpty(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteRewards(&out, smallPlan(LieZero), smallOutcomes(t)))
	require.Equal(t, "mode,epoch,mixnode,value,reports,truth,paid,carried_from\n"+
		"single,10,a,0.00,3,90.0000,fresh,\nsingle,10,b,0.00,3,50.0000,fresh,\n"+
		"single,20,a,0.00,3,90.0000,carried,10\nsingle,20,b,,3,40.0000,unpaid,\n"+
		"ephemera,10,a,92.00,3,90.0000,fresh,\nephemera,10,b,47.00,3,50.0000,fresh,\n"+
		"ephemera,20,a,,,90.0000,unpaid,\nephemera,20,b,,,40.0000,unpaid,\n",
		out.String())
}

func TestTextExplainsTheNumbers(t *testing.T) {
	p := smallPlan(LieZero, 1)
	var out bytes.Buffer
	require.NoError(t, writeAll(&out, p, NewSummary(p, "test", smallOutcomes(t)), "results/a b"))
	golden(t, "liar.txt", out.Bytes())
	requireNarrow(t, out.String())
	out.Reset()
	require.NoError(t, writeAll(&out, p, NewSummary(p, "test", smallOutcomes(t)), ResultsDir+"/20261120T123000.005Z"))
	requireNarrow(t, out.String())

	p = smallPlan(LieZero)
	outcomes := smallOutcomes(t)
	outcomes[0].Records = outcomes[0].Records[:0]
	out.Reset()
	require.NoError(t, writeAll(&out, p, NewSummary(p, "test", outcomes), "results/latest"))
	golden(t, "honest.txt", out.Bytes())
}

// writeAll writes the report and the next steps.
func writeAll(w io.Writer, p *Plan, s Summary, dir string) error {
	return errors.Join(WriteText(w, p, s), WriteEnd(w, []Scene{{p, s}}, dir))
}

// Names are hidden only if several are.
func TestWinnersAreListedUnlessThereAreMany(t *testing.T) {
	won := map[string]int{}
	for _, want := range []string{"-", "a: 9", "a: 9, b: 8", "a: 9, b: 8, c: 7", "a: 9, b: 8, c: 7, d: 6", "a: 9, b: 8, c: 7, 2 more", "a: 9, b: 8, c: 7, 3 more"} {
		require.Equal(t, want, winners(won))
		won[string(rune('a'+len(won)))] = 9 - len(won)
	}
}

func requireNarrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), paragraph.Width, line)
	}
}

func TestTextExplainsMissingErrors(t *testing.T) {
	p := smallPlan(LieZero)
	p.Source = SourceUniform
	p.Verify = VerifyNone
	in := p.input.(board)
	in.right = nil
	p.input = unknown{in}
	var out bytes.Buffer
	require.NoError(t, writeAll(&out, p, NewSummary(p, "test", smallOutcomes(t)), "results/latest"))
	golden(t, "uniform.txt", out.Bytes())
}

// unknown is a board without truth.
type unknown struct{ board }

func (unknown) truth(int, int) (float64, bool) { return 0, false }
func (unknown) other(int, int) (float64, bool) { return 0, false }
func (unknown) truths() (string, string)       { return "", "" }
