package wire

import "github.com/ephemera-go/nym-rewarding/ephemera/membership"

// VerifyFrame verifies a frame that was never decoded, and so may name any group.
func VerifyFrame(group *membership.Group, frame Frame) error {
	return NewVerifier(NewGroups(group), forgetful{}).verify(frame)
}
