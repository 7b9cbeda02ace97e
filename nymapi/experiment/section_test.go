package experiment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

func TestCellsOfAllSectionsAreDistinctAndReproducible(t *testing.T) {
	seen, names := map[string]bool{}, map[string]bool{}
	for _, s := range Sections() {
		require.False(t, names[s.Name], s.Name)
		names[s.Name] = true
		require.NotEmpty(t, s.About)
		cells := s.Cells()
		require.NotEmpty(t, cells)
		require.Equal(t, cells, s.Cells(), "always in the same order")
		for _, c := range cells {
			require.Equal(t, s.Name, c.Section)
			require.False(t, seen[c.String()], c)
			seen[c.String()] = true
		}
	}
}

// short makes a cell cheap.
func short(c Cell) Cell {
	c.Mixnodes, c.Epochs = 20, 6
	return c
}

func section(t *testing.T, name string) Section {
	t.Helper()
	for _, s := range Sections() {
		if s.Name == name {
			return s
		}
	}
	require.Fail(t, "no section "+name)
	return Section{}
}

// figures plays the honest cell of a level, with all mixnodes.
func figures(t *testing.T, name, level string, way string) Figures {
	t.Helper()
	s := section(t, name)
	for _, c := range s.Cells() {
		if c.Level == level && c.Lie == Honest {
			c.Epochs = min(c.Epochs, 40)
			outcomes, err := s.Play(c, 3)
			require.NoError(t, err)
			for _, o := range outcomes {
				if o.Way == way {
					return o.Figures
				}
			}
		}
	}
	require.Fail(t, "no such cell or way")
	return Figures{}
}

func TestASingleFactorHurtsAsItMust(t *testing.T) {
	median := func(section, level string) Figures { return figures(t, section, level, "median") }
	require.Zero(t, median("hoster", "3").Missed, "three of ten may be down")
	require.NotZero(t, median("hoster", "4").Missed)
	require.Less(t, median("software", "3").RMSE, 6.0, "f faults are harmless")
	require.Greater(t, median("software", "6").RMSE, 10.0)
	require.Zero(t, median("region", "3").Unpaid)
	require.NotZero(t, median("region", "4").Unpaid, "only six values remain, of seven that a column needs")
	require.Less(t, median("recognised", "4").Worst, 100.0)
	require.Equal(t, 100.0, median("recognised", "6").Worst)
	require.Equal(t, 100.0, figures(t, "recognised", "1", "single-10").Worst, "the one that is known sees nothing")
	require.Less(t, median("packets", "90").RMSE, median("packets", "1").RMSE/2)
	require.Equal(t, 10*240, median("history", "10").Cells)
}

func TestEstimatorsOfACellAreChosen(t *testing.T) {
	c := short(Base("test", "zero"))
	c.Estimators = "trimmed(2) median nonsense"
	var names []string
	for _, way := range c.Ways() {
		names = append(names, way.Name())
	}
	require.Equal(t, "single-1 single-10 trimmed(2) median performance", strings.Join(names, " "))
}

func TestARecordingNeedsAsManyObserversForTheTruthAsReport(t *testing.T) {
	read := func(observers int) *trace.Trace {
		var text strings.Builder
		text.WriteString("epoch,observer,m1\n")
		for i := range observers {
			fmt.Fprintf(&text, "1,o%d,90\n", i)
		}
		tr, err := trace.Read(strings.NewReader(text.String()), "recording")
		require.NoError(t, err)
		return tr
	}
	_, err := Recorded("trace", "A recording.", read(7))
	require.ErrorIs(t, err, ErrTrace)
	for observers, n := range map[int]int{8: 4, 20: 10, 33: 13, 34: 17, 99: 17} {
		s, err := Recorded("trace", "A recording.", read(observers))
		require.NoError(t, err)
		c := s.Cells()[1]
		require.Equal(t, n, c.N)
		require.Equal(t, c.F(), c.Liars)
		outcomes, err := s.Play(s.Cells()[0], 1)
		require.NoError(t, err)
		require.Zero(t, outcomes[3].RMSE, "all measured the same")
	}
}
