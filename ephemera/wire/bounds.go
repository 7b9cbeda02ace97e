package wire

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Bounds on what one frame asks for or carries.
const (
	MaxListings  = 1024     // messages in a Listing or GetMessages, digests in a Pool
	MaxSenders   = 64       // senders in a GetListing
	MaxBlocks    = 64       // blocks in one Blocks frame
	BatchBytes   = 1 << 20  // bodies in one Messages or Blocks frame; a larger body travels alone
	frameMargin  = 16 << 10 // array heads and fixed fields
	headerBytes  = 512      // one signed header
	listingBytes = 80       // a message or digest, and its sender
)

// MaxFrameBytes returns the length of the longest frame in a group.
func MaxFrameBytes(group *membership.Group) int {
	n := group.N()
	blocks := BatchBytes + block.MaxBytes(group.Limits()) + MaxBlocks*certificate.MaxBytes(n)
	return max(blocks, frontierBytes(n)) + frameMargin
}

// smallBytes bounds the frames that hold one or two headers, slots or signatures.
const smallBytes = 2 << 10

// descriptionBytes bounds the description of a group in which a node runs.
const descriptionBytes = smallBytes + 40*membership.MaxMembers

func frontierBytes(n int) int { return smallBytes + n*(9+headerBytes+5) }

// maxListingBytes bounds a Listing or Pool.
const maxListingBytes = smallBytes + MaxListings*listingBytes
