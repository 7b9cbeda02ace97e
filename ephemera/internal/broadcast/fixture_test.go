package broadcast

import (
	"crypto/sha256"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// instance returns the instance of member 0 of n, with nothing durable.
func instance(t require.TestingT, n int, timing Timing) *Instance {
	return limited(t, n, timing, membership.Limits{})
}

func limited(t require.TestingT, n int, timing Timing, limits membership.Limits) *Instance {
	var members []keys.Public
	for i := range n {
		members = append(members, keys.FromSeed(sha256.Sum256(fmt.Append(nil, i))).Public())
	}
	group, err := membership.NewGroup("broadcast-test", 1, members, limits)
	require.NoError(t, err)
	none := func(block.MessageID) (block.Message, bool) { return block.Message{}, false }
	return New(Config{Group: group, Timing: timing, Bodies: none}, store.State{})
}

// unsigned makes messages whose signatures are not valid.
type unsigned struct{ key keys.Public }

func (u unsigned) Public() keys.Public      { return u.key }
func (unsigned) Sign([]byte) keys.Signature { return keys.Signature{} }
