package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// listingBook counts what a correct node and another member told each other about mempools.
type listingBook struct {
	digests int   // that the member sent
	asked   int   // senders of whom the node asked for listings
	listed  int   // messages that the node listed
	since   int64 // when it first listed some, in virtual microseconds
}

// The bounds of R6 on what anybody can make a node send about mempools.
const (
	askedPerDigest = 9
	listedInWindow = wire.MaxListings
	listingWindow  = 400_000 // microseconds: half a round of a fast clock with jitter
)

// listingBook returns the book of a correct node and a member, or nil for others. A member may
// become Byzantine later: RevertAll makes it so.
func (c *checker) listingBook(node, member int) *listingBook {
	if c.w.nodes[node].byzantine != nil {
		return nil
	}
	if c.listings == nil {
		c.listings = map[[2]int]*listingBook{}
	}
	pair := [2]int{node, member}
	if c.listings[pair] == nil {
		c.listings[pair] = &listingBook{}
	}
	return c.listings[pair]
}

// sentAboutPool judges what a node sends a Byzantine member: requests for no more than the member
// gave reason for, and a bounded number of listings in a while.
func (c *checker) sentAboutPool(from, to int, frame wire.Frame) {
	switch frame.(type) {
	case wire.GetListing, wire.Listing:
	default:
		return
	}
	b := c.listingBook(from, to)
	if b == nil {
		return
	}
	switch f := frame.(type) {
	case wire.GetListing:
		b.asked += len(f.Senders)
	case wire.Listing:
		if b.listed == 0 {
			b.since = c.w.now
		}
		b.listed += len(f.Messages)
	}
	windows := 2 + int((c.w.now-b.since)/c.listingWindow())
	if c.w.nodes[to].byzantine == nil {
		return
	}
	if b.asked > askedPerDigest*b.digests || b.listed > windows*listedInWindow {
		c.violate("R6", "node %d asked the Byzantine %d for %d senders after %d digests, and listed %d messages for it in %d windows",
			from, to, b.asked, b.digests, b.listed, windows)
	}
}

// listingWindow returns in how many microseconds a node lists a bounded number of messages.
func (c *checker) listingWindow() int64 {
	if exchange := c.w.schedule.Exchange; exchange > 0 {
		return max(1, exchange*listingWindow/1000)
	}
	return listingWindow
}

// gotAboutPool counts the digests that a member sends to a node.
func (c *checker) gotAboutPool(to, from int, frame wire.Frame) {
	if f, ok := frame.(wire.Pool); ok {
		if b := c.listingBook(to, from); b != nil {
			b.digests += len(f.Digests)
		}
	}
}
