package attacker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// group returns an attacker in a group of four, and everybody's keys.
func group(t *testing.T) (*member, []keys.Private) {
	t.Helper()
	private := make([]keys.Private, 4)
	public := make([]keys.Public, len(private))
	for i := range private {
		key, err := keys.Generate()
		require.NoError(t, err)
		private[i], public[i] = key, key.Public()
	}
	g, err := membership.NewGroup("test", 1, public, membership.Limits{})
	require.NoError(t, err)
	return &member{key: private[3], group: g, heard: newHeard(), pace: newPacer()}, private
}

// What an honest member refuses at once would test only that: these frames are valid.
func TestFramesOfTheAttackerAreValid(t *testing.T) {
	m, private := group(t)
	var frames [][]byte
	frames = append(frames, m.frontier(m.group, 1<<40), m.requests(1))
	listings := m.decodable(m.listing(m.group), m.frontierWithListing(m.group))
	require.NotEmpty(t, listings)
	for _, list := range listings {
		frames = append(frames, list(0))
	}
	a, b := m.twins(1)
	c, d := m.twins(1<<53 - 1)
	frames = append(frames, proof(a, b), proof(b, a), proof(c, d), encode(wire.Proposal{Proposal: a.Proposal()}), encode(wire.Proposal{Proposal: c.Proposal()}))
	signed := map[int]keys.Signature{}
	for _, key := range private[:3] {
		place, _ := m.group.Index(key.Public())
		signed[place] = key.Sign(certificate.SigningBytes("test", a.Header.Slot(), a.ID()))
	}
	variants := m.variants(certificate.New(m.group, a.Header.Slot(), a.ID(), signed))
	require.Len(t, variants, 3+4)
	for _, frame := range append(frames, variants...) {
		_, err := wire.Open(m.group, frame)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, m.block(16, 250_000).BodyBytes(), int(m.group.Limits().BlockBytes))
}

// Frames with bad signatures decode, so that somebody has to verify them.
func TestBadSignaturesAreFoundByVerifyingOnly(t *testing.T) {
	m, _ := group(t)
	for _, frame := range m.badlySigned(8) {
		_, err := wire.Decode(m.group, frame)
		require.NoError(t, err)
		_, err = wire.Open(m.group, frame)
		require.Error(t, err)
	}
}

func TestPoolMakesEachFrameOnce(t *testing.T) {
	made := 0
	p := pool{make: func(turn int) []byte { made++; return []byte{byte(turn)} }}
	for range 3 {
		for turn := range maxPool {
			require.Equal(t, []byte{byte(turn)}, p.frame(turn))
		}
	}
	require.Equal(t, maxPool, made)
	require.Equal(t, []byte{maxPool + 2}, p.frame(maxPool+2))
	require.Equal(t, []byte{3}, p.frame(0), "the oldest one that is kept")
}

func TestAttackerIsHeldToItsShare(t *testing.T) {
	p := newPacer()
	start, used := p.at, p.used
	require.Negative(t, p.excess(start.Add(time.Second), used), "it may use what it did not use, up to a limit")
	require.Equal(t, -credit, p.excess(start.Add(time.Minute), used))
	require.Equal(t, 350*time.Millisecond, p.excess(start.Add(time.Minute+200*time.Millisecond), used+500*time.Millisecond))
	require.Equal(t, 250*time.Millisecond, p.excess(start.Add(time.Minute+400*time.Millisecond), used+500*time.Millisecond))
}
