package pythontest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// epoch is the arithmetic of one epoch, as batch.py reads it.
type epoch struct {
	Estimator  string          `json:"estimator"`
	F          int             `json:"f"`
	Coverage   int             `json:"coverage"`
	Rows       []row           `json:"rows"`
	Deviations metrics.History `json:"deviations"`
}

type row struct {
	Reporter string           `json:"reporter"`
	Values   []metrics.Uptime `json:"values"`
}

// outcome is what follows from it.
type outcome struct {
	Values     []metrics.Uptime `json:"values"`
	Reports    []uint16         `json:"reports"`
	Deviations metrics.History  `json:"deviations"`
}

// draw returns an epoch of up to 13 reporters. Their values are close together, far apart, or
// missing, and some of them have a history.
func draw(random *rand.Rand, estimator string) epoch {
	n := 1 + random.IntN(13)
	e := epoch{Estimator: estimator, F: random.IntN(5), Coverage: 1 + random.IntN(4), Deviations: metrics.History{}}
	for i := range n {
		r := row{Reporter: fmt.Sprintf("r%02d", i), Values: make([]metrics.Uptime, 8)}
		for j := range r.Values {
			switch random.IntN(5) {
			case 0:
				r.Values[j] = metrics.Missing
			case 1:
				r.Values[j] = metrics.Uptime(random.IntN(10001))
			default:
				r.Values[j] = metrics.Uptime(9000 + random.IntN(900)>>random.IntN(8))
			}
		}
		if random.IntN(3) > 0 {
			e.Deviations[r.Reporter] = random.Int64N(metrics.MaxDeviation+1) >> random.IntN(25)
		}
		e.Rows = append(e.Rows, r)
	}
	e.Deviations["absent"] = 77
	return e
}

func (e epoch) outcome(t *testing.T) outcome {
	estimator, err := metrics.ParseEstimator(e.Estimator)
	require.NoError(t, err)
	rows := make([]metrics.Row, len(e.Rows))
	for i, r := range e.Rows {
		rows[i] = metrics.Row{Reporter: r.Reporter, Values: r.Values}
	}
	matrix, err := metrics.NewMatrix([]metrics.MixID{"a", "b", "c", "d", "e", "f", "g", "h"}, rows)
	require.NoError(t, err)
	result := metrics.Rule{Estimator: estimator, F: e.F, Coverage: e.Coverage, History: e.Deviations}.Apply(matrix)
	return outcome{result.Values, result.Reports, e.Deviations.Fold(matrix, e.F)}
}

func TestBothImplementationsEstimateAlike(t *testing.T) {
	const seed = 14
	random := rand.New(rand.NewPCG(seed, seed))
	var tasks []epoch
	for _, estimator := range []string{"mean", "median", "lowmedian", "trimmed", "trimmed(1)", "trimmed(3)", "mad", "wmedian"} {
		for range 150 {
			tasks = append(tasks, draw(random, estimator))
		}
	}
	for i, got := range batch[epoch, outcome](t, tasks) {
		text, err := json.Marshal(tasks[i])
		require.NoError(t, err)
		require.Equal(t, tasks[i].outcome(t), got, "seed %d: %s", seed, text)
	}
}
