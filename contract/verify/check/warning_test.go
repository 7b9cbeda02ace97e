package check_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// What does not change the payment is a warning that names somebody.
func TestOddReportsAreWarnedOf(t *testing.T) {
	add := func(m func(d contract.Description) block.Message) func(contract.Description, []block.Message) []block.Message {
		return func(d contract.Description, all []block.Message) []block.Message { return append(all, m(d)) }
	}
	for name, c := range map[string]struct {
		change func(contract.Description, []block.Message) []block.Message
		check  string
		says   string
	}{
		"a stranger": {add(func(d contract.Description) block.Message {
			return contracttest.Message(d, 9, contracttest.Report(d, 9))
		}), "members", "not members"},
		"another epoch": {add(func(d contract.Description) block.Message {
			other := d
			other.Epoch = 77
			return contracttest.Message(d, 3, contracttest.Report(other, 3))
		}), "epoch", "nymapi-3"},
		"other mixnodes": {add(func(d contract.Description) block.Message {
			r := contracttest.Report(d, 3)
			r.Mixnodes, r.Values = r.Mixnodes[1:], r.Values[1:]
			return contracttest.Message(d, 3, r)
		}), "order", "nymapi-3"},
		"garbage": {add(func(d contract.Description) block.Message {
			m, err := block.NewMessage(contracttest.Key(3), d.Network, d.Label(), []byte("garbage"), int64(d.End))
			if err != nil {
				panic(err)
			}
			return m
		}), "order", "not reports: nymapi-3"},
		"a second report": {add(func(d contract.Description) block.Message {
			r := contracttest.Report(d, 2)
			r.Values[0] = 0
			return contracttest.Message(d, 2, r)
		}), "one each", "two reports of nymapi-2"},
		"an early report": {func(d contract.Description, all []block.Message) []block.Message {
			m, err := block.NewMessage(contracttest.Key(2), d.Network, d.Label(), all[1].Payload(), int64(d.End)-101)
			if err != nil {
				panic(err)
			}
			all[1] = m
			return all
		}, "window", "nymapi-2"},
		"a value above 100 %": {add(func(d contract.Description) block.Message {
			r := contracttest.Report(d, 4)
			r.Values[0] = 0x1111
			payload, err := r.Encode()
			if err != nil {
				panic(err)
			}
			payload = bytes.Replace(payload, []byte{0x19, 0x11, 0x11}, []byte{0x19, 0x77, 0x77}, 1)
			m, err := block.NewMessage(contracttest.Key(4), d.Network, d.Label(), payload, int64(d.End))
			if err != nil {
				panic(err)
			}
			return m
		}), "range", "nymapi-4"},
	} {
		s := newStory()
		s.messages = func(d contract.Description, _ int, all []block.Message) []block.Message {
			if d.Epoch == 2 {
				return c.change(d, all)
			}
			return all
		}
		found := s.tell(2).presented().findings(t, 2, c.check)[0]
		require.Equal(t, check.Warning, found.Outcome, "%s: %s", name, found.Value)
		require.Contains(t, found.Value, c.says, name)
	}
}

// Reports of the same values are suspicious only if chance does not explain them.
func TestCopiedReportsAreWarnedOf(t *testing.T) {
	copied := func(mixnodes int, values func(number, mixnode int) metrics.Uptime) check.Finding {
		s := newStory()
		s.description = func(d *contract.Description) { d.Mixnodes = contracttest.Mixnodes(mixnodes) }
		s.messages = func(d contract.Description, _ int, all []block.Message) []block.Message {
			for i := range all {
				r := contracttest.Report(d, i+1)
				for j := range r.Values {
					r.Values[j] = values(i, j)
				}
				all[i] = contracttest.Message(d, i+1, r)
			}
			return all
		}
		s.tell(2)
		return s.presented().findings(t, 2, "copies")[0]
	}
	odd := func(number, mixnode int) metrics.Uptime { return metrics.Uptime(5000 + 100*max(number, 1) + mixnode) }
	found := copied(40, odd)
	require.Equal(t, check.Warning, found.Outcome)
	require.Contains(t, found.Value, "nymapi-1")
	require.Contains(t, found.Value, "nymapi-2")
	require.Regexp(t, `by chance 1 in 10\^3\d`, found.Value)
	require.Equal(t, check.Pass, copied(2, odd).Outcome, "two values coincide easily")
	require.Equal(t, check.Pass, copied(40, func(_, mixnode int) metrics.Uptime { return metrics.Full }).Outcome, "all mixnodes are always up")
}

func TestMembersThatSignTwiceAreNamed(t *testing.T) {
	s := newStory()
	s.messages = func(d contract.Description, creator int, all []block.Message) []block.Message {
		if creator == 1 {
			r := contracttest.Report(d, 3)
			r.Values[0] = 1
			all[2] = contracttest.Message(d, 3, r)
		}
		return all
	}
	found := s.tell(2).presented().findings(t, 2, "evidence")[0]
	require.Equal(t, check.Warning, found.Outcome)
	require.Equal(t, "two reports about the epoch signed by nymapi-3", found.Value)

	s = newStory()
	s.tell(1)
	s.heads = map[int]block.Block{} // every member begins its chain again
	found = s.tell(1).presented().findings(t, 2, "parent")[0]
	require.Equal(t, check.Warning, found.Outcome)
	require.Contains(t, found.Value, "nymapi-3 signed two blocks for height 1")
}
