package mempool

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Limits bounds a Mempool. Zero fields take the defaults.
type Limits struct {
	Messages  int // 4096
	Bytes     int // 32 MiB of encoded messages
	PerSender int // messages of one sender: 1024
	// SenderBytes bounds the encoded messages of one sender: 8 MiB. A node divides the mempool among
	// the members of the newest group: see Share.
	SenderBytes int
	// Known is how many messages are remembered after they left, so that they are not accepted again:
	// four times Messages. It should be at least the number of messages that arrive within TTL: when
	// one is forgotten, nothing that was signed before it is accepted any more.
	Known int
	TTL   time.Duration // age by the message's own signed time: 1 h
	Skew  time.Duration // how far ahead of this node's clock a message may be dated: 1 min
}

// WithDefaults returns the limits with zero fields filled in.
func (l Limits) WithDefaults() Limits {
	if l.Messages == 0 {
		l.Messages = 4096
	}
	if l.Bytes == 0 {
		l.Bytes = 32 << 20
	}
	if l.PerSender == 0 {
		l.PerSender = 1024
	}
	if l.SenderBytes == 0 {
		l.SenderBytes = 8 << 20
	}
	if l.Known == 0 {
		l.Known = 4 * l.Messages
	}
	if l.TTL == 0 {
		l.TTL = time.Hour
	}
	if l.Skew == 0 {
		l.Skew = time.Minute
	}
	return l
}

// Share returns the limits with defaults filled in and PerSender and SenderBytes lowered to a share
// for each member of a group, so that no f members can fill the mempool. A share holds at least one
// message of the largest size.
func (l Limits) Share(group *membership.Group) Limits {
	l = l.WithDefaults()
	l.PerSender = min(l.PerSender, max(1, l.Messages/group.N()))
	l.SenderBytes = min(l.SenderBytes, max(int(group.Limits().PayloadBytes)+block.MaxMessageOverhead, l.Bytes/group.N()))
	return l
}
