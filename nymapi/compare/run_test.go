package compare

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// short returns a comparison that takes a few seconds. Its epochs are long enough for a machine
// that is busy with other tests.
func short(change func(*Config)) Config {
	return with(func(c *Config) {
		c.Mixnodes, c.Epochs, c.Epoch = 40, 2, 2*time.Second
		change(c)
	})
}

// workDir returns a folder in memory if possible, so that disk load of other tests does not stall
// short epochs.
func workDir(t *testing.T) string {
	const memory = "/dev/shm"
	if dir, err := os.MkdirTemp(memory, "nymapi-compare-test-"); err == nil {
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
		return dir
	}
	return t.TempDir()
}

// logged returns a logger whose output is shown if the test fails.
func logged(t *testing.T) *slog.Logger {
	lines := &lockedBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(lines.String())
		}
	})
	return slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// compare runs a comparison and returns it with its outcomes by mode.
func compare(t *testing.T, c Config) (*Plan, Summary, []Outcome) {
	t.Helper()
	p, err := c.Plan()
	require.NoError(t, err)
	outcomes, err := Run(t.Context(), p, Options{Work: workDir(t), Logger: logged(t)})
	require.NoError(t, err)
	require.Len(t, outcomes, 2)
	s := NewSummary(p, "test", outcomes)
	require.Equal(t, []Mode{Single, Ephemera}, []Mode{s.Modes[0].Mode, s.Modes[1].Mode})
	for _, o := range outcomes {
		require.Len(t, o.Records, p.Epochs, o.Mode)
		require.Positive(t, o.Verification.Passed, o.Mode)
		require.Zero(t, o.Verification.Failed, "%s: %s", o.Mode, o.Verification.Groups())
	}
	require.True(t, s.Explained(), s.Missed)
	return p, s, outcomes
}

func estimator(t *testing.T, s Summary, name string) EstimatorSummary {
	t.Helper()
	for _, e := range s.Modes[1].Estimators {
		if e.Name == name {
			return e
		}
	}
	require.Fail(t, "no estimator", name)
	return EstimatorSummary{}
}

func TestHonestRunsWithOneSeedPayTheSame(t *testing.T) {
	var files [2]bytes.Buffer
	for i := range files {
		p, s, outcomes := compare(t, short(func(*Config) {}))
		require.Empty(t, s.Missed)
		single, ephemera := s.Modes[0], s.Modes[1]
		require.Equal(t, 2, single.Rewarded)
		require.Equal(t, 2, ephemera.Rewarded)
		require.Less(t, *ephemera.RMSE, *single.RMSE)
		require.Equal(t, *single.RMSE, *p.quality(p.alone(p.input, p.Ticks, 1, 2), nil).RMSE, "the real Nym-API measures what the plan computes")
		require.InDelta(t, *ephemera.RMSE, *estimator(t, s, "median").RMSE, 1e-9)
		require.Equal(t, 2, ephemera.SubmissionsAccepted)
		require.Zero(t, ephemera.SubmissionsRefused)
		require.Positive(t, ephemera.SubmissionsLate)
		require.Empty(t, s.Caught)
		require.Len(t, ephemera.Spreads, 2)
		require.Equal(t, 4, ephemera.Spreads[0].Blocks, "each Nym-API makes one")
		require.NotNil(t, ephemera.BlockSpread)
		require.Positive(t, *single.BytesPerNodeEpoch)
		require.Greater(t, *ephemera.BytesPerNodeEpoch, *single.BytesPerNodeEpoch)
		for _, record := range outcomes[1].Records {
			require.Len(t, record.Detail.Reporters, 4)
			require.GreaterOrEqual(t, len(record.Detail.Signers), 3)
		}
		require.NoError(t, WriteRewards(&files[i], p, outcomes))
	}
	require.Equal(t, files[0].String(), files[1].String())
}

func TestOneLiarRuinsTheSingleAndTheMeanOnly(t *testing.T) {
	_, s, _ := compare(t, short(func(c *Config) { c.Liars = 1 }))
	require.Empty(t, s.Missed)
	require.Greater(t, *s.Modes[0].RMSE, 60.0)
	require.Less(t, *s.Modes[0].RMSEBest, 6.0)
	require.Less(t, *s.Modes[1].RMSE, 6.0)
	require.InDelta(t, -22.5, *estimator(t, s, "mean").Bias, 7.5)
	require.Less(t, *estimator(t, s, "median").RMSE, 6.0)
}

func TestAContractThatVerifiesNothingPaysTheLie(t *testing.T) {
	_, s, outcomes := compare(t, short(func(c *Config) { c.Liars, c.Verify = 1, VerifyNone }))
	require.Greater(t, *s.Modes[1].RMSE, 50.0)
	require.Positive(t, s.Modes[1].Winners["nymapi-1"])
	// An epoch that the lie settles before enough reports have arrived has no certified block.
	for i, record := range outcomes[1].Records {
		if record.Detail.Winner.Name == "nymapi-1" {
			for _, reward := range record.Detail.Result {
				require.Zero(t, reward.Value, "epoch %d", i+1)
			}
		}
		if record.Matrix != nil {
			require.GreaterOrEqual(t, len(record.Matrix.Rows), 3)
		}
	}
	if honest := estimator(t, s, "median").RMSE; honest != nil {
		require.Less(t, *honest, 8.0, "the certified reports are better")
	}
}

func TestTwoDifferentReportsStopNothing(t *testing.T) {
	_, s, outcomes := compare(t, short(func(c *Config) { c.Liars, c.Lie = 1, LieSplit }))
	require.Empty(t, s.Missed)
	require.Less(t, *s.Modes[1].RMSE, 8.0)
	require.Zero(t, s.Modes[1].Winners["nymapi-1"], "it is silent after its two reports")
	require.Equal(t, []Caught{{Mode: Ephemera, Caught: contract.Caught{Name: "nymapi-1", Offence: contract.TwoReports, Epochs: []int64{1, 2}, Count: 2}}}, s.Caught)
	require.Equal(t, "nymapi-1 signed two reports in epochs 1, 2", s.Caught[0].Sentence())
	for _, record := range outcomes[1].Records {
		require.NotContains(t, names(record.Detail.Signers), "nymapi-1")
	}
}

func names(list []contract.Signatory) []string {
	all := make([]string, len(list))
	for i, one := range list {
		all[i] = one.Name
	}
	return all
}

func TestOneOfflineNymAPIIsTolerated(t *testing.T) {
	p, s, _ := compare(t, short(func(c *Config) { c.Offline, c.Single, c.Submit = 1, 4, SubmitStaged }))
	require.Equal(t, 2, s.Modes[1].Rewarded)
	require.Zero(t, s.Modes[0].Rewarded, "the single one is offline")
	require.Len(t, s.Missed, 2)
	require.Contains(t, s.Missed[0].Reason, "Nym-API 4, the only one that may submit, is offline")
	require.Nil(t, s.Modes[0].RMSE)
	require.Nil(t, s.Modes[0].BytesPerNodeEpoch)
	require.Len(t, p.everybodyAlone(2, nil), 3)
}

func TestTwoOfflineNymAPIsOfFourStopAllRewards(t *testing.T) {
	_, s, outcomes := compare(t, short(func(c *Config) { c.Offline = 2 }))
	require.Zero(t, s.Modes[1].Rewarded)
	require.Zero(t, s.Modes[1].SubmissionsAccepted)
	require.Len(t, s.Missed, 2)
	require.Contains(t, s.Missed[0].Reason, "2 of 4 Nym-APIs are offline or silent")
	for _, record := range outcomes[1].Records {
		require.Empty(t, record.Detail.Result)
		require.NotEmpty(t, record.Detail.Reason)
	}
}

const seattle = "../../metrics/testdata/seattle/seattle_uptime.csv"

var (
	seattleGood = []string{
		"n00", "n06", "n14", "n20", "n27", "n34", "n40", "n47", "n54", "n60",
	}
	seattleOthers = []string{"n67", "n73", "n80", "n86", "n92"}
	seattleTruth  = []string{
		"n00", "n06", "n14", "n20", "n27", "n34", "n40", "n47", "n54", "n60", "n67", "n73", "n80", "n86", "n92",
	}
)

func TestSeattleReplaysThroughTheRealPipeline(t *testing.T) {
	p, s, outcomes := compare(t, traceConfig(seattle, func(c *Config) {
		c.Observers, c.Truth, c.Epochs, c.Epoch = seattleGood[:4], seattleTruth, 2, 2*time.Second
	}))
	require.Equal(t, 99, p.Mixnodes)
	require.Equal(t, 2, s.Modes[1].Rewarded)
	require.Nil(t, s.Modes[0].RMSESameProbes, "a trace sends no packets")
	for i, record := range outcomes[1].Records {
		want := reports(t, p, i+1)
		require.Len(t, record.Matrix.Rows, 4)
		for j := range p.MixnodeNames() {
			require.ElementsMatch(t, column(want, j), column(*record.Matrix, j), "epoch %d", i+1)
		}
	}
	var rewards bytes.Buffer
	require.NoError(t, WriteRewards(&rewards, p, outcomes))
	require.Contains(t, rewards.String(), "\nephemera,2,n01,")
}

func column(m metrics.Matrix, j int) []metrics.Uptime {
	values := make([]metrics.Uptime, len(m.Rows))
	for i, row := range m.Rows {
		values[i] = row.Values[j]
	}
	return values
}

// reports returns what all Nym-APIs of a plan report about an epoch.
func reports(t *testing.T, p *Plan, epoch int) metrics.Matrix {
	var rows []metrics.Row
	for number := 1; number <= p.Nodes; number++ {
		rows = append(rows, metrics.Row{Reporter: memberName(number), Values: p.reported(number, average(p.input, number, epoch, p.Ticks))})
	}
	m, err := metrics.NewMatrix(p.MixnodeNames(), rows)
	require.NoError(t, err)
	return m
}

// The first case is the table of the data's README, whose truth contains the reporters: a test of
// arithmetic. The others have observers of their own as the truth.
func TestSeattleReproducesItsFigures(t *testing.T) {
	for _, tt := range []struct {
		truth     []string
		by        string
		want      map[string]float64
		wantOther map[string]float64
	}{
		{truth: seattleTruth, want: map[string]float64{"mean": 2.36, "median": 1.30, "lowmedian": 1.63, "trimmed": 1.24}},
		{
			truth: seattleOthers, want: map[string]float64{"mean": 3.19, "median": 2.89},
			wantOther: map[string]float64{"mean": 3.12, "median": 3.33},
		},
		{
			truth: seattleOthers, by: TruthMean, want: map[string]float64{"mean": 3.12, "median": 3.33},
			wantOther: map[string]float64{"mean": 3.19, "median": 2.89},
		},
	} {
		p, err := traceConfig(seattle, func(c *Config) { c.Observers, c.Truth, c.TruthBy = seattleGood, tt.truth, tt.by }).Plan()
		require.NoError(t, err)
		require.Equal(t, 43, p.Epochs)
		records := make([]Record, p.Epochs)
		for i := range records {
			m := reports(t, p, i+1)
			records[i] = Record{Detail: detail(contract.Epoch(i+1), contract.StatusRewarded), Matrix: &m}
		}
		got, gotOther := map[string]float64{}, map[string]float64{}
		for _, line := range p.estimators(records, nil) {
			require.Equal(t, []int{4257, 4257}, []int{line.Cells, line.Fresh})
			got[line.Name], gotOther[line.Name] = *line.RMSE, *line.RMSEOther
		}
		for name, want := range tt.want {
			require.InDelta(t, want, got[name], 0.005, name)
		}
		for name, want := range tt.wantOther {
			require.InDelta(t, want, gotOther[name], 0.005, name)
		}
	}
}

// afterFirst cancels a run when the first epoch is settled.
type afterFirst struct{ cancel context.CancelFunc }

func (a afterFirst) Settled(Mode, int, Record) { a.cancel() }
func (afterFirst) Close()                      {}

func TestAnInterruptedRunKeepsWhatIsFinished(t *testing.T) {
	p, err := short(func(c *Config) { c.Epochs, c.Epoch = 50, time.Second }).Plan()
	require.NoError(t, err)
	folder, err := NewFolder(filepath.Join(t.TempDir(), "out"), time.Now(), Single, Ephemera)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	work := workDir(t)
	outcomes, err := Run(ctx, p, Options{Work: work, Database: folder.Database, Evidence: folder.Evidence, Progress: afterFirst{cancel}, Logger: logged(t)})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, outcomes, 2)
	finished := len(outcomes[0].Records) + len(outcomes[1].Records)
	require.Positive(t, finished)
	require.Less(t, finished, 100)
	require.NoError(t, folder.Write([]Scene{{p, NewSummary(p, "test", outcomes)}}, outcomes))
	for _, o := range outcomes {
		db, err := sqlx.Open("sqlite3", "file:"+folder.Database(o.Mode)+"?mode=ro")
		require.NoError(t, err)
		var winners int
		require.NoError(t, db.Get(&winners, `SELECT count(*) FROM winners`))
		require.NoError(t, db.Close())
		require.GreaterOrEqual(t, winners, len(o.Records))
		require.NoFileExists(t, folder.Database(o.Mode)+"-wal", "one file")
	}
	left, err := os.ReadDir(work)
	require.NoError(t, err)
	require.Empty(t, left, "only the results are left")
}
