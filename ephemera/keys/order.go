package keys

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrSmallOrder reports a key that is a point of small order. Anybody can make signatures that
// verify under such a key, some of them for any message.
var ErrSmallOrder = errors.New("key is a point of small order")

// smallOrder holds every encoding of the eight points of small order, the sign bit cleared. Two
// points have the same y coordinate, and the coordinates 0 and 1 have a second encoding, which
// crypto/ed25519.Verify accepts too.
var smallOrder = func() map[Public]bool {
	encodings := map[Public]bool{}
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", // y = 0, order 4
		"0100000000000000000000000000000000000000000000000000000000000000", // y = 1, order 1
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = -1, order 2
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p, the same as 0
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p+1, the same as 1
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	} {
		var key Public
		if _, err := hex.Decode(key[:], []byte(text)); err != nil {
			panic(err)
		}
		encodings[key] = true
	}
	return encodings
}()

// CheckOrder returns an error that wraps ErrSmallOrder if the key is a point of small order. Such a
// key is neither a member nor a sender.
func (p Public) CheckOrder() error {
	masked := p
	masked[len(masked)-1] &= 0x7f
	if smallOrder[masked] {
		return fmt.Errorf("%w: %s", ErrSmallOrder, p)
	}
	return nil
}
