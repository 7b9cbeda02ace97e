package mempool

import "time"

// Limits bounds a Mempool. Zero fields take the defaults.
type Limits struct {
	Messages  int // 4096
	Bytes     int // 32 MiB of encoded messages
	PerSender int // messages of one sender: 1024
	// SenderBytes bounds the encoded messages of one sender: 8 MiB. The engine divides PerSender and
	// SenderBytes among the members of the group.
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
