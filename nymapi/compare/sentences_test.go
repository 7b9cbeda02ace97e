package compare

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// sentenceConfigs returns configurations in which everything that a sentence depends on varies.
func sentenceConfigs() []Config {
	small := func(nodes int, change func(*Config)) Config {
		return with(func(c *Config) {
			c.Nodes, c.Mixnodes, c.Epochs = nodes, 20, 3
			change(c)
		})
	}
	var all []Config
	for _, nodes := range []int{1, 2, 3, 4, 7} {
		for _, liars := range []int{0, 1, min(3, nodes)} {
			for _, lie := range []Lie{LieZero, LieVictims} {
				all = append(all, small(nodes, func(c *Config) { c.Liars, c.Lie = liars, lie }))
			}
		}
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Liars, c.Lie = 1, LieSplit },
		func(c *Config) { c.Liars, c.Lie = 2, LieSplit },
		func(c *Config) { c.Liars, c.Lie, c.Offline = 1, LieSplit, 1 },
		func(c *Config) { c.Liars, c.Lie = 1, LieHundred },
		func(c *Config) { c.Liars, c.Offline = 1, 1 },
		func(c *Config) { c.Offline = 2 },
		func(c *Config) { c.Offline, c.Single = 1, 4 },
		func(c *Config) { c.Missing = 0 },
		func(c *Config) { c.Missing = .9 },
		func(c *Config) { c.Missing = .999 },
		func(c *Config) { c.Missing, c.Liars = .9, 1 },
		func(c *Config) { c.Liars, c.Verify = 1, VerifyNone },
		func(c *Config) { c.Verify = VerifyNone },
		func(c *Config) { c.Estimator = "mean" },
		func(c *Config) { c.Estimator, c.Liars = "mean", 1 },
		func(c *Config) { c.Estimator, c.Liars = "trimmed(2)", 1 },
		func(c *Config) { c.Estimator, c.Liars, c.Nodes = "trimmed(1)", 2, 7 },
		func(c *Config) { c.Estimator, c.Liars, c.Nodes = "mad", 2, 7 },
		func(c *Config) { c.Source = SourceUniform },
		func(c *Config) { c.Seed, c.Liars, c.Single = 9, 1, 2 },
	} {
		all = append(all, small(4, change))
	}
	return all
}

// imagined returns what a run of the plan could come to, without running it: two certified blocks
// an epoch if enough Nym-APIs take part, of which the first wins.
func imagined(t *testing.T, p *Plan) []Outcome {
	t.Helper()
	single := Outcome{Mode: Single}
	for i, rewards := range p.alone(p.input, p.Ticks, p.Single, p.Epochs) {
		single.Records = append(single.Records, settled(i+1, rewards))
	}
	many := Outcome{Mode: Ephemera}
	values, rule := verify.Values{}, rule(t, p)
	for epoch := 1; epoch <= p.Epochs; epoch++ {
		rows := reports(t, p, epoch).Rows
		var taking []metrics.Row
		for i, row := range rows { // reports sorts by name, of which all have one digit
			if number := i + 1; !p.roles.isOffline(number) && (p.Lie != LieSplit || !p.roles.lies(number)) {
				taking = append(taking, row)
			}
		}
		least := quorum.Correct(p.Nodes)
		if len(taking) < least {
			many.Records = append(many.Records, settled(epoch, nil))
			continue
		}
		var results []metrics.Result
		var first metrics.Matrix
		for i, part := range [][]metrics.Row{taking[:least], taking[len(taking)-least:]} {
			m, err := metrics.NewMatrix(p.MixnodeNames(), part)
			require.NoError(t, err)
			if results = append(results, rule.Apply(m)); i == 0 {
				first = m
			}
		}
		paid := results[0]
		if p.Verify == VerifyNone && len(p.roles.liars) > 0 {
			paid = metrics.Result{Mixnodes: p.MixnodeNames(), Values: p.Lie.values(p.MixnodeNames(), paid.Values, p.Seed), Reports: paid.Reports}
		}
		record := settled(epoch, fill(values, contract.Epoch(epoch), paid))
		record.Matrix = &first
		record.blocks.add(results[0].Values)
		record.blocks.add(results[1].Values)
		many.Records = append(many.Records, record)
	}
	return []Outcome{single, many}
}

func rule(t *testing.T, p *Plan) metrics.Rule {
	e, err := metrics.ParseEstimator(p.Estimator)
	require.NoError(t, err)
	return metrics.Rule{Estimator: e, F: p.F(), Coverage: metrics.Coverage(p.F())}
}

// settled returns a record with these rewards, missed without any.
func settled(epoch int, rewards []contract.Reward) Record {
	if rewards == nil {
		return missedRecord(contract.Epoch(epoch), "no valid submission in time")
	}
	record := rewarded(contract.Epoch(epoch), "nymapi-1", time.Millisecond)
	record.Detail.Result = rewards
	return record
}

// Every sentence is true for n = 1, 2, 3, more liars than f, silent ones, nothing lost and nearly
// everything lost.
func TestSentencesAreTrueInFortyConfigurations(t *testing.T) {
	configs := sentenceConfigs()
	require.GreaterOrEqual(t, len(configs), 40)
	for _, c := range configs {
		p, err := c.Plan()
		require.NoError(t, err)
		outcomes := imagined(t, p)
		s := NewSummary(p, "test", outcomes)
		t.Run(p.Title(), func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, writeAll(&out, p, s, ResultsDir+"/20261120T123000.005Z"))
			requireNarrow(t, out.String())
			for _, vague := range []string{"little", "slightly", "about as", "only", "helps", "better", "worse", "because"} {
				require.NotContains(t, strings.Join(append(p.sentences(s), p.estimatorSentences(s.Modes[1].Estimators)...), " "), vague+" ")
			}
			requireTruth(t, p, s.Modes[0], p.singleSentence(s.Modes[0]))
			requireTruth(t, p, s.Modes[1], p.ephemeraSentence(s.Modes[1]))
			requireTolerance(t, p, outcomes[1], p.ephemeraSentence(s.Modes[1]))
			if spread := s.Modes[1].BlockSpread; spread != nil {
				require.Equal(t, *spread == 0, strings.Contains(p.ephemeraSentence(s.Modes[1]), "would have paid the same"))
			}
		})
	}
}

func TestFaultsAreCountedInWords(t *testing.T) {
	for words, count := range map[string][2]int{
		"": {}, "1 lies": {1, 0}, "3 lie": {3, 0}, "1 is offline": {0, 1}, "2 are offline": {0, 2}, "1 lies and 2 are offline": {1, 2}, "2 lie and 1 is offline": {2, 1},
	} {
		require.Equal(t, words, faultsOf(count[0], count[1]))
	}
}

// requireTruth compares what a sentence says of payments with the figures.
func requireTruth(t *testing.T, p *Plan, m ModeSummary, sentence string) {
	paid := m.Fresh + m.Carried
	require.Equal(t, paid == 0, strings.Contains(sentence, fmt.Sprintf("None of %d cells was paid", m.Cells)))
	require.Equal(t, m.Unpaid == 0, strings.Contains(sentence, fmt.Sprintf("All %d cells were paid", m.Cells)))
	require.Equal(t, m.Carried > 0, strings.Contains(sentence, fmt.Sprintf("%d of them an earlier value", m.Carried)))
	require.Equal(t, m.RMSE != nil, strings.Contains(sentence, fmt.Sprintf("their RMSE is %s points", points(m.RMSE))))
	if m.Mode == Single {
		require.Equal(t, p.roles.lies(p.Single), strings.Contains(sentence, "This Nym-API lies"))
		require.Equal(t, p.roles.isOffline(p.Single), strings.Contains(sentence, "is offline."))
	}
}

// requireTolerance checks what a sentence says about the faults that are tolerated: with values
// that are said to lie between honest ones, that they do.
func requireTolerance(t *testing.T, p *Plan, o Outcome, sentence string) {
	f, liars, faults := p.F(), len(p.roles.liars), len(p.roles.liars)+len(p.roles.offline)
	require.Equal(t, f == 0, strings.Contains(sentence, "None of them may lie or be offline (f = 0)"))
	require.Equal(t, liars > f, strings.Contains(sentence, "liars may decide what is paid"))
	require.Equal(t, liars <= f && faults > f, strings.Contains(sentence, "epochs may be missed"))
	require.Equal(t, faults == 0, strings.Contains(sentence, "here none does"))
	said := 0 // by the words about each kind of fault
	for _, words := range regexp.MustCompile(`(\d+) (?:lies?|is offline|are offline)\b`).FindAllStringSubmatch(sentence[strings.Index(sentence, "; here "):], -1) {
		number, err := strconv.Atoi(words[1])
		require.NoError(t, err)
		said += number
	}
	require.Equal(t, faults, said, sentence)
	between := strings.Contains(sentence, "between two honest ones")
	require.Equal(t, liars > 0 && faults <= f && p.Verify == VerifyFull && p.robust(), between)
	if !between {
		return
	}
	for e, record := range o.Records {
		for i, reward := range record.Detail.Result {
			if reward.Value == metrics.Missing || reward.CarriedFrom != 0 {
				continue
			}
			low, high := metrics.Full, metrics.Uptime(0)
			for number := 1; number <= p.Nodes; number++ {
				if value := average(p.input, number, e+1, p.Ticks)[i]; !p.roles.lies(number) && value != metrics.Missing {
					low, high = min(low, value), max(high, value)
				}
			}
			require.True(t, low <= reward.Value && reward.Value <= high, "epoch %d, %s", e+1, reward.Mixnode)
		}
	}
}
