package compare

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// namedOutcomes returns smallOutcomes with reports of members that have names.
func namedOutcomes(t *testing.T) []Outcome {
	outcomes := smallOutcomes(t)
	many := &outcomes[1]
	many.Names = map[keys.Public]string{}
	rows := make([]metrics.Row, 3)
	for i := range rows {
		key := keys.Public{byte(i + 1)}
		many.Names[key] = memberName(i + 1)
		rows[i] = metrics.Row{Reporter: key.PeerID(), Values: []metrics.Uptime{metrics.Uptime(min(9000, 9000*i)), metrics.Uptime(min(4600, 4600*i))}}
	}
	many.Names[keys.Public{4}] = "nymapi-4<b>"
	m, err := metrics.NewMatrix([]metrics.MixID{"a", "b"}, rows)
	require.NoError(t, err)
	many.Records[0].Matrix = &m
	many.Caught = []Caught{{Mode: Ephemera, Caught: contract.Caught{Name: "nymapi-1", Offence: contract.TwoReports, Epochs: []int64{10}, Count: 1}}}
	return outcomes
}

func TestTheReportIsWholeAndNeedsNoOtherFile(t *testing.T) {
	p, outcomes := smallPlan(LieZero, 1), namedOutcomes(t)
	honest := smallPlan(LieZero)
	scenes := []Scene{{honest, NewSummary(honest, "test", smallOutcomes(t))}, {p, NewSummary(p, "test", outcomes)}}
	var out bytes.Buffer
	require.NoError(t, WriteReport(&out, scenes, outcomes))
	html := out.String()
	for _, want := range []string{
		"Nym-API 1 lies (zero), Nym-API 4 is offline</th>", "78.95", "2.55", "over 75 % of the cells", "over 50 % of the cells",
		"Error of each epoch", "missed: no valid submission in time", "Coverage and error", "under each estimator", "Epoch 10, rewarded by nymapi-2",
		`class="far"><th scope="row">nymapi-1</th>`, "nymapi-4&lt;b&gt;", "no report in this block", "Race", "nymapi-1 signed two reports in epoch 10",
		"ephemera, epoch 20: no valid submission in time", "nymapi compare --epochs 2 --liars-at 1 --missing 0 --mixnodes 2 --offline-at 4 --ticks 2",
		"<h2>Evidence</h2>", `<tr><th scope="row">ephemera</th><td>6</td><td>1</td><td>2</td><td>1</td></tr>`, "ephemera, epoch 1, FAIL: receipt: receipt: bad signature",
		"contract verify ephemera/bundles --group ephemera/group --contract-key ephemera/contract.key",
		"light dark", "@media print", `<html lang="en">`, `role="img"`,
	} {
		require.Contains(t, html, want)
	}
	require.NotContains(t, html, "ZgotmplZ", "the template engine refused something")
	require.NotContains(t, html, "<script")
	require.NotRegexp(t, `(src|href)="[^d#]`, html, "pictures are part of the page")
	for _, image := range regexp.MustCompile(`<img [^>]*>`).FindAllString(html, -1) {
		require.Contains(t, image, "alt=", "for a screen reader")
	}
}

// Without an error to show, and with a mode that has settled nothing, the page says so.
func TestTheReportOfNothing(t *testing.T) {
	p := smallPlan(LieZero)
	in := p.input.(board)
	in.right = nil
	p.input = unknown{in}
	p.Source = SourceUniform
	outcomes := []Outcome{{Mode: Single}, {Mode: Ephemera}}
	var out bytes.Buffer
	require.NoError(t, WriteReport(&out, []Scene{{p, NewSummary(p, "test", outcomes)}}, outcomes))
	require.Contains(t, out.String(), "Without a truth, errors are unknown.")
	require.Contains(t, out.String(), "No epoch has a certified block.")
	require.Contains(t, out.String(), `<tr><th scope="row">single</th><td class="text" colspan="4">no epoch is settled</td></tr>`)
}

func TestTheCommandRepeatsTheRun(t *testing.T) {
	p, err := with(func(c *Config) {
		c.Nodes, c.Liars, c.Lie, c.Epoch, c.Estimator = 7, 2, LieVictims, 3*time.Second, "trimmed(2)"
	}).Plan()
	require.NoError(t, err)
	require.Equal(t, "nymapi compare --epoch 3s --estimator 'trimmed(2)' --liars-at 1,2 --lie victims --nodes 7", p.Command())
	p, err = Default().Plan()
	require.NoError(t, err)
	require.Equal(t, "nymapi compare", p.Command())
	path := writeTrace(t, smallTrace)
	p, err = traceConfig(path, func(c *Config) { c.Observers, c.Truth = []string{"c", "a"}, []string{"b"} }).Plan()
	require.NoError(t, err)
	require.Equal(t, "nymapi compare --epoch 1s --epochs 2 --observers c,a --source trace --trace "+path+" --truth b --truth-by median", p.Command())
}

func TestChartsHaveTicksAndMarks(t *testing.T) {
	two, ninety := 2.0, 90.0
	lines := []epochLine{{Name: 1}, {Name: 2}, {Name: 3}}
	lines[0].Single.Quality.RMSE, lines[0].Ephemera.Quality.RMSE, lines[2].Ephemera.Quality.RMSE = &ninety, &two, &two
	svg := string(chart(lines))
	require.Equal(t, 1, strings.Count(svg, "single mark"))
	require.Equal(t, 2, strings.Count(svg, "<circle"))
	require.Equal(t, 2, strings.Count(svg[strings.Index(svg, `"ephemera line"`):], "M"), "no line over an epoch without an error")
	for _, tick := range []string{">1<", ">10<", ">100<"} {
		require.Contains(t, svg, tick)
	}
	lines[0].Single.Quality.RMSE = &two
	require.Contains(t, string(chart(lines)), ">0<", "linear if they are alike")
	require.Empty(t, chart(nil))
}
