package ephemera

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ChainRate bounds what each member's chain adds to the store of a node: PerSecond bytes, and Burst
// bytes at once after a quiet time (PROTOCOL.md R2). Beyond it, the next block of the chain waits
// before its messages are fetched. The node holds its own chain to nine tenths of it, and to half
// of the burst. Blocks that are certified already are stored whatever their chain has used.
type ChainRate = broadcast.Rate

// maxChainRate bounds both fields of a ChainRate, so that no product overflows.
const maxChainRate = 1 << 50

// checkRate returns an error if a rate is neither zero nor possible.
func checkRate(r ChainRate) error {
	if r == (ChainRate{}) || r.PerSecond >= 1 && r.Burst >= 1 && r.PerSecond <= maxChainRate && r.Burst <= maxChainRate {
		return nil
	}
	return fmt.Errorf("config: ChainRate is %d bytes a second with a burst of %d, expected both in 1..%d, or neither", r.PerSecond, r.Burst, int64(maxChainRate))
}

// derivedRate returns the rate for the expectations that are the defaults of package limits.
func derivedRate(group *membership.Group) (ChainRate, error) {
	bounds, err := limits.For(limits.Config{Members: group.N(), Group: group.Limits()})
	if err != nil {
		return ChainRate{}, fmt.Errorf("derive the rate of chains: %w", err)
	}
	return ChainRate{PerSecond: int64(bounds.Chain.BytesPerSecond), Burst: int64(bounds.Chain.BytesBurst)}, nil
}

// growth is what the node knows about blocks that had to wait.
type growth struct {
	forRate, forSpace atomic.Uint64         // blocks, since the start
	said              map[keys.Public]int64 // when the log named a creator last; owned by the loop
}

// Postponed counts blocks of other members that the node let wait since its start, before it
// fetched their messages.
type Postponed struct {
	Rate  uint64 // because their chain had used up its rate
	Space uint64 // because the disk was filling
}

// Postponed returns how many blocks the node let wait.
func (n *Node) Postponed() Postponed {
	return Postponed{Rate: n.growth.forRate.Load(), Space: n.growth.forSpace.Load()}
}

// sayAgain is for how long the log does not repeat that blocks of a creator wait.
const sayAgain = time.Minute

// postponed counts a block that waits, and logs it once a minute for each creator.
func (l *loop) postponed(e broadcast.Postponed) {
	g := &l.growth
	if e.Space { // watchDisk says why
		g.forSpace.Add(1)
		return
	}
	g.forRate.Add(1)
	creator, now := e.Slot.Creator, l.clock.now()
	if at, ok := g.said[creator]; ok && now-at < sayAgain.Milliseconds() {
		return
	}
	if g.said == nil {
		g.said = make(map[keys.Public]int64)
	}
	for key, at := range g.said { // bounded by the members
		if now-at >= sayAgain.Milliseconds() {
			delete(g.said, key)
		}
	}
	g.said[creator] = now
	l.log.Warn("member makes more than its rate: its next block waits", "member", creator.PeerID(), "slot", e.Slot.String())
}
