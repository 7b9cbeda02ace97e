package mempool

import "time"

// Limits bound the mempool. Zero fields take the defaults.
type Limits struct {
	Messages  int // 4096
	Bytes     int // 32 MiB of encoded messages
	PerSender int // messages of one sender: 1024
	// SenderBytes bounds one sender's encoded messages: 8 MiB. The engine divides both among the
	// members of the group.
	SenderBytes int
	// Known is how many messages are remembered after they left, so that they are not taken again:
	// four times Messages. It should hold what comes within TTL.
	Known int
	TTL   time.Duration // 1 h by the message's own signed time
	Skew  time.Duration // 1 min that a message may be dated ahead
}

// WithDefaults fills zero fields.
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
