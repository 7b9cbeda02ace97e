package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// memory is a wire.Memory that counts.
type memory struct {
	known      map[wire.Digest]bool
	hits, adds int
}

func newMemory() *memory { return &memory{known: map[wire.Digest]bool{}} }

func (m *memory) Has(digest wire.Digest) bool {
	if m.known[digest] {
		m.hits++
	}
	return m.known[digest]
}

func (m *memory) Add(digest wire.Digest) {
	m.known[digest] = true
	m.adds++
}

// verify takes an encoded frame through all stages.
func (m *memory) verify(t *testing.T, w *world, data []byte) (wire.Verified, error) {
	t.Helper()
	verified, _, err := m.count(t, w, wire.Frame(nil), data)
	return verified, err
}

// count verifies a frame, or its bytes, and counts its signatures.
func (m *memory) count(t *testing.T, w *world, frame wire.Frame, data []byte) (wire.Verified, wire.Tally, error) {
	t.Helper()
	if data == nil {
		data = wire.Encode(frame)
	}
	decoded, err := wire.Decode(w.group, data)
	require.NoError(t, err)
	admitted, err := decoded.Admit()
	require.NoError(t, err)
	var tally wire.Tally
	verified, err := wire.NewVerifier(wire.NewGroups(w.group), m).Counting(&tally).Verify(admitted)
	return verified, tally, err
}

// A frame that arrives again is recognised by its bytes.
func TestNothingIsVerifiedTwice(t *testing.T) {
	w := newWorld(t)
	for _, frame := range w.frames() {
		if k := wire.KindOf(frame); k == wire.KindAnnounce || k == wire.KindNewest {
			continue
		}
		m, data := newMemory(), wire.Encode(frame)
		first, err := m.verify(t, w, data)
		require.NoError(t, err, "%T", frame)
		require.Zero(t, m.hits, "%T", frame)
		added := m.adds
		require.Positive(t, added, "%T", frame)
		again, err := m.verify(t, w, data)
		require.NoError(t, err, "%T", frame)
		require.Equal(t, first, again)
		require.Equal(t, added, m.adds, "%T was verified again", frame)
		require.Positive(t, m.hits, "%T", frame)
	}
}

// Nothing is remembered that was not verified.
func TestForgedFramesAreNotRemembered(t *testing.T) {
	w := newWorld(t)
	b := w.block(1, 1, "one")
	echo := w.echo(2, b)
	echo.Signature[0] ^= 1
	b.Signature = keys.Signature{}
	forged, err := block.NewMessage(unsigned{w.keys[0].Public()}, network, "note", []byte("forged"), 1000)
	require.NoError(t, err)
	for _, frame := range []wire.Frame{
		wire.Echo{Echo: echo}, wire.Proposal{Proposal: b.Proposal()}, wire.Messages{Messages: []block.Message{forged}},
	} {
		m := newMemory()
		for range 2 {
			verified, err := m.verify(t, w, wire.Encode(frame))
			require.ErrorIs(t, err, wire.ErrInvalid, "%T", frame)
			require.Zero(t, verified)
		}
		require.Zero(t, m.adds, "%T", frame)
	}
}

// unsigned makes signatures that are not valid.
type unsigned struct{ key keys.Public }

func (u unsigned) Public() keys.Public      { return u.key }
func (unsigned) Sign([]byte) keys.Signature { return keys.Signature{} }

// A message is verified once, whether it arrives alone, with others or from a client. The same
// message with another signature is verified again.
func TestMessagesAreRememberedOneAtATime(t *testing.T) {
	w, m := newWorld(t), newMemory()
	one, two := w.message(0, "one"), w.message(1, "two")
	_, err := m.verify(t, w, wire.Encode(wire.Messages{Messages: []block.Message{one}}))
	require.NoError(t, err)
	_, err = m.verify(t, w, wire.Encode(wire.Messages{Messages: []block.Message{two, one}}))
	require.NoError(t, err)
	require.Equal(t, 1, m.hits)
	require.Equal(t, 2, m.adds)
	require.True(t, wire.NewVerifier(wire.NewGroups(w.group), m).VerifyMessage(two))
	require.Equal(t, 2, m.hits)

	forged, err := block.NewMessage(unsigned{one.Sender()}, network, one.Label(), one.Payload(), one.Time())
	require.NoError(t, err)
	require.Equal(t, one.ID(), forged.ID())
	_, err = m.verify(t, w, wire.Encode(wire.Messages{Messages: []block.Message{forged}}))
	require.ErrorIs(t, err, wire.ErrInvalid)
}

// An announcement never reaches the core.
func TestAnnouncementsAreNotAdmitted(t *testing.T) {
	w := newWorld(t)
	for _, frame := range w.frames() {
		decoded, err := wire.Decode(w.group, wire.Encode(frame))
		require.NoError(t, err)
		_, err = decoded.Admit()
		_, openErr := wire.Open(w.group, wire.Encode(frame))
		if k := decoded.Kind(); k == wire.KindAnnounce || k == wire.KindNewest {
			require.ErrorIs(t, err, wire.ErrInvalid)
			require.ErrorIs(t, openErr, wire.ErrInvalid)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, openErr)
	}
}

// Skipping a stage fails loudly: a zero value is unusable.
func TestZeroStagesPanic(t *testing.T) {
	verifier := wire.NewVerifier(wire.NewGroups(newWorld(t).group), newMemory())
	for name, use := range map[string]func(){
		"the kind of a zero Decoded":   func() { _ = wire.Decoded{}.Kind() },
		"the frame of a zero Decoded":  func() { _ = wire.Decoded{}.Unverified() },
		"admitting a zero Decoded":     func() { _, _ = wire.Decoded{}.Admit() },
		"verifying a zero Admitted":    func() { _, _ = verifier.Verify(wire.Admitted{}) },
		"the frame of a zero Verified": func() { _ = wire.Verified{}.Frame() },
	} {
		require.Panics(t, use, name)
	}
}

// Bodies returns every message of a frame, in order.
func TestBodiesAreTheMessagesOfAFrame(t *testing.T) {
	w := newWorld(t)
	a, b := w.block(0, 1, "one", "two"), w.block(1, 1, "three")
	blocks := wire.Blocks{Blocks: []wire.Held{{Block: a}, {Block: b}}}
	var found []block.Message
	for m := range wire.Bodies(blocks) {
		found = append(found, m)
	}
	require.Equal(t, []block.Message{a.Messages[0], a.Messages[1], b.Messages[0]}, found)
	for _, frame := range []wire.Frame{blocks, wire.Messages{Messages: a.Messages}} {
		for m := range wire.Bodies(frame) {
			require.Equal(t, a.Messages[0], m)
			break
		}
	}
	for range wire.Bodies(wire.Closed{}) {
		require.Fail(t, "it carries no message")
	}
}
