package admission

import "cmp"

// Limits bound the work that frames cause, in two units: signature checks, of which a core makes
// about 15,000 a second; and bytes that are decoded, encoded or sent, of which it handles about 50
// MB a second. Each is a token bucket. A frame is handled while its peer's buckets are not empty
// and pays afterwards, so the debt is at most the cost of one frame and of answers under way. Zero
// fields take the defaults. What a peer makes this node store is bounded elsewhere: messages by the
// mempool's quotas, blocks by one open slot per chain.
type Limits struct {
	ChecksPerSecond, ChecksBurst int // of one peer's frames: 10,000
	BytesPerSecond, BytesBurst   int // of one peer's frames: 64 MiB
	ServedPerSecond, ServedBurst int // of answers to one peer: 64 MiB
	// SenderChecksPerSecond bounds the new messages of one sender that arrive by gossip: 4000. More
	// are pulled from members that list them (R6).
	SenderChecksPerSecond, SenderChecksBurst int
	// Wait is the longest, in milliseconds, that a frame of a peer over its budget waits before it is
	// dropped: 2000.
	Wait int64
}

// WithDefaults returns the limits with zero fields filled in.
func (l Limits) WithDefaults() Limits {
	l.ChecksPerSecond = cmp.Or(l.ChecksPerSecond, 10_000)
	l.ChecksBurst = cmp.Or(l.ChecksBurst, l.ChecksPerSecond)
	l.BytesPerSecond = cmp.Or(l.BytesPerSecond, 64<<20)
	l.BytesBurst = cmp.Or(l.BytesBurst, l.BytesPerSecond)
	l.ServedPerSecond = cmp.Or(l.ServedPerSecond, 64<<20)
	l.ServedBurst = cmp.Or(l.ServedBurst, l.ServedPerSecond)
	l.SenderChecksPerSecond = cmp.Or(l.SenderChecksPerSecond, 4000)
	l.SenderChecksBurst = cmp.Or(l.SenderChecksBurst, l.SenderChecksPerSecond)
	l.Wait = cmp.Or(l.Wait, 2000)
	return l
}
