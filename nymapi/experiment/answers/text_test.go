package answers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAWideTableIsSeveralThatFit has a panel with twenty series, each of which is in one table.
func TestAWideTableIsSeveralThatFit(t *testing.T) {
	p := newPanel("test", "Title", "place", "value", "About.")
	p.names = []string{"here"}
	for i := range 20 {
		name := fmt.Sprintf("series%02d", i)
		p.order = append(p.order, name)
	}
	text := p.table()
	require.LessOrEqual(t, width(text), 80)
	for _, name := range p.order {
		require.Equal(t, 1, strings.Count(text, name))
	}
	require.Equal(t, 3, strings.Count(text, "here"))
	p.order = p.order[:3]
	require.Equal(t, 1, strings.Count(p.table(), "here"))
}

func TestSeriesOfAFigureDiffer(t *testing.T) {
	seen := map[[2]int]string{}
	for place := range 20 {
		colour, shape := mark(fmt.Sprintf("rule%d", place), place)
		key := [2]int{colour % 8, shape % 8}
		require.Empty(t, seen[key])
		seen[key] = fmt.Sprint(place)
	}
}
