package limits_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func configs(t *rapid.T) limits.Config {
	group := membership.Limits{
		PayloadBytes: rapid.Uint32Range(1, 4<<20).Draw(t, "payload"), BlockMessages: rapid.Uint32Range(1, 1<<16).Draw(t, "messages"),
	}
	group.BlockBytes = rapid.Uint32Range(group.PayloadBytes, 64<<20).Draw(t, "block")
	return limits.Config{
		Members: rapid.IntRange(1, membership.MaxMembers).Draw(t, "members"), Group: group,
		MessagesPerSecond: rapid.IntRange(1, 100_000).Draw(t, "messages/s"), BlocksPerSecond: rapid.IntRange(1, 1000).Draw(t, "blocks/s"),
		MessageBytes: rapid.IntRange(1, int(group.PayloadBytes)).Draw(t, "usual"),
	}
}

// numbers calls visit for every number in a struct, with its path.
func numbers(v reflect.Value, path string, visit func(path string, value int64)) {
	if v.Kind() != reflect.Struct {
		visit(path, v.Int())
		return
	}
	for i := range v.NumField() {
		numbers(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), visit)
	}
}

func all(l limits.Limits) map[string]int64 {
	found := map[string]int64{}
	numbers(reflect.ValueOf(l), "", func(path string, value int64) { found[path] = value })
	return found
}

func derive(t require.TestingT, c limits.Config) limits.Limits {
	l, err := limits.For(c)
	require.NoError(t, err)
	return l
}

func TestEveryBoundIsAboveWhatHonestMembersNeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := configs(t)
		need, err := limits.Need(c)
		require.NoError(t, err)
		bounds := all(derive(t, c))
		for name, least := range all(need) {
			require.Positive(t, least, name)
			switch name {
			// Exact: no honest member exceeds them.
			case "Transport.FrameBytes", "Transport.Peers", "DHT.ValueBytes":
				require.Equal(t, least, bounds[name], name)
			default:
				require.Greater(t, bounds[name], least, name)
			}
		}
	})
}

func TestBoundsGrowWithTheConfiguration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := configs(t)
		large := small
		switch rapid.IntRange(0, 4).Draw(t, "which") {
		case 0:
			large.Members = rapid.IntRange(small.Members, membership.MaxMembers).Draw(t, "more")
		case 1:
			large.MessagesPerSecond *= 2
		case 2:
			large.BlocksPerSecond *= 2
		case 3:
			large.MessageBytes = int(large.Group.PayloadBytes)
		case 4:
			large.Group.BlockBytes = 64 << 20
		}
		bounds := all(derive(t, large))
		for name, least := range all(derive(t, small)) {
			if large.Members > small.Members && strings.HasPrefix(name, "Chain.") {
				continue // more members share the expected messages
			}
			require.GreaterOrEqual(t, bounds[name], least, name)
		}
		require.GreaterOrEqual(t, derive(t, large).Memory(large), derive(t, small).Memory(small))
	})
}

// What one part admits, the next part can hold.
func TestBoundsAreConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := configs(t)
		l := derive(t, c)
		require.GreaterOrEqual(t, l.Transport.QueueBytes, l.Transport.FrameBytes)
		require.GreaterOrEqual(t, l.Transport.BytesBurst, l.Transport.FrameBytes, "a frame larger than a burst would never be admitted")
		require.GreaterOrEqual(t, l.Transport.GossipBytesBurst, l.Transport.FrameBytes)
		require.GreaterOrEqual(t, l.Transport.FramesBurst, l.Transport.QueueFrames, "a peer may send its queue at once")
		require.GreaterOrEqual(t, l.Transport.Handshakes/2, l.Transport.AddressBurst+l.Transport.AddressPerSecond/4, "a handshake has time")
		require.GreaterOrEqual(t, l.HTTP.BodyBytes, 2*int(c.Group.PayloadBytes))
		require.GreaterOrEqual(t, l.Chain.BytesBurst/2, int(c.Group.BlockBytes), "a creator holds itself to half of the burst")
		require.GreaterOrEqual(t, c.Members*l.Chain.BytesPerSecond, 4*c.MessagesPerSecond*c.MessageBytes)
		require.GreaterOrEqual(t, l.Mempool.Bytes, int(c.Group.BlockBytes))
		require.GreaterOrEqual(t, l.Mempool.SenderBytes, int(c.Group.PayloadBytes))
		require.LessOrEqual(t, l.Transport.Conduct.First, l.Transport.Conduct.Longest)
	})
}

func TestDerivedBoundsHaveNoWarnings(t *testing.T) {
	for _, n := range []int{4, 7, 10, 31, 100} {
		c := limits.Config{Members: n}
		require.Empty(t, limits.Lint(c, derive(t, c)), "%d members", n)
	}
}

// A warning names the bound that is too small and what to set.
func TestEveryBoundThatIsTooSmallHasAWarning(t *testing.T) {
	c := limits.Config{Members: 4}
	good := derive(t, c)
	for name := range all(good) {
		l := good
		field := reflect.ValueOf(&l).Elem()
		for part := range strings.SplitSeq(name, ".") {
			field = field.FieldByName(part)
		}
		field.SetInt(0)
		warnings := limits.Lint(c, l)
		require.Len(t, warnings, 1, name)
		require.Contains(t, warnings[0].What, name[strings.LastIndex(name, ".")+1:])
		require.Contains(t, warnings[0].Set, "set ")
		require.NotEmpty(t, warnings[0].Why)
	}
}

func TestUnfitConfigurationsHaveAWarning(t *testing.T) {
	base := limits.Config{Members: 4}
	for want, change := range map[string]func(*limits.Config, *limits.Limits){
		"no more than a group of 4":               func(c *limits.Config, _ *limits.Limits) { c.Members = 6 },
		"tolerates no faulty member":              func(c *limits.Config, _ *limits.Limits) { c.Members = 1 },
		"one message of each member does not fit": func(c *limits.Config, _ *limits.Limits) { c.Group.BlockMessages = 3 },
		"one typical message of each member":      func(c *limits.Config, _ *limits.Limits) { c.MessageBytes = 2 << 20 },
		"contain at most 80 messages":             func(c *limits.Config, _ *limits.Limits) { c.Group.BlockMessages = 4; c.BlocksPerSecond = 5 },
		"verifying signatures":                    func(c *limits.Config, _ *limits.Limits) { c.MessagesPerSecond = 1_000_000; c.BlocksPerSecond = 1000 },
		"can make the node use":                   func(c *limits.Config, _ *limits.Limits) { c.MemoryBytes = 64 << 20 },
		"one frame may exhaust": func(_ *limits.Config, l *limits.Limits) {
			l.Transport.FrameBytes = 1 << 30
			l.Transport.QueueBytes = 1 << 30
		},
		"repaired stays cut off":   func(_ *limits.Config, l *limits.Limits) { l.Transport.Conduct.Longest = 24 * time.Hour },
		"forgiven within a second": func(_ *limits.Config, l *limits.Limits) { l.Transport.Conduct.Forgiven = 1000 },
		"for days":                 func(_ *limits.Config, l *limits.Limits) { l.Mempool.TTL = 30 * 24 * time.Hour },
		"expected 1..100":          func(c *limits.Config, _ *limits.Limits) { c.Members = 101 },
	} {
		c := base
		c.Group = membership.DefaultLimits()
		l := derive(t, c)
		change(&c, &l)
		if c.MessageBytes > int(c.Group.PayloadBytes) {
			c.Group.PayloadBytes = 4 << 20
		}
		var texts []string
		for _, w := range limits.Lint(c, l) {
			texts = append(texts, w.String())
		}
		require.Contains(t, strings.Join(texts, "\n"), want)
	}
}

func TestConfigurationsOutOfRangeAreRefused(t *testing.T) {
	for want, c := range map[string]limits.Config{
		"Members is -1":           {Members: -1},
		"Members is 101":          {Members: 101},
		"MessagesPerSecond is -5": {MessagesPerSecond: -5},
		"MessageBytes is 300000":  {MessageBytes: 300_000},
		"BlocksPerSecond":         {BlocksPerSecond: 1 << 30},
		"MemoryBytes is -1":       {MemoryBytes: -1},
		"limits: Group":           {Group: membership.Limits{PayloadBytes: 1}, MessageBytes: 1},
	} {
		require.ErrorContains(t, c.Validate(), want)
		_, err := limits.For(c)
		require.Error(t, err)
		require.NotEmpty(t, limits.Lint(c, limits.Limits{}))
	}
}

func TestZeroFieldsAreFilled(t *testing.T) {
	full := derive(t, limits.Config{}).Transport
	require.Equal(t, full, limits.Transport{}.Or(full))
	require.Equal(t, full, full.Or(derive(t, limits.Config{Members: 4}).Transport))
}
