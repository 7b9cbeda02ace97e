package limits

import "github.com/ephemera-go/nym-rewarding/ephemera/block"

// Chain bounds what the chain of one creator adds to the store of this node, as a token bucket of
// bytes (PROTOCOL.md R2).
type Chain struct {
	BytesPerSecond int
	BytesBurst     int
}

// chain returns an equal share of all messages, and the headers and certificates of the expected
// blocks. The burst covers a block of the greatest size, and what reaches a member at once after
// its connections stood still for some seconds.
func (c Config) chain() Chain {
	const (
		header     = 512 // a signed header, and rows of indexes
		signature  = 64  // in a certificate
		leaf       = 128 // what is kept of each message in addition to its body
		standstill = 8   // seconds
	)
	fixed := header + signature*c.Members
	messages := (c.MessagesPerSecond + c.Members - 1) / c.Members
	rate := messages*(c.message()+leaf) + c.BlocksPerSecond*fixed
	largest := block.MaxBytes(c.Group) + leaf*int(c.Group.BlockMessages) + fixed
	return Chain{BytesPerSecond: rate, BytesBurst: max(largest, standstill*rate)}
}
