package canonical

import (
	"errors"
	"fmt"
)

// MaxNumber is the largest number in anything that another party chooses: heights, group numbers,
// counts, and times in milliseconds. It is 2^53-1, the largest integer that every reader of JSON
// keeps exactly, and every store takes the whole range from 0 to it.
const MaxNumber = 1<<53 - 1

// ErrDomain reports a number outside 0..MaxNumber.
var ErrDomain = errors.New("number is out of range")

// CheckNumber returns an error that wraps ErrDomain unless n is 0..MaxNumber. Decode checks every
// number that it decodes; CheckNumber is for those that arrive in another way.
func CheckNumber[N ~int64 | ~uint64](n N) error {
	if n < 0 || n > MaxNumber {
		return fmt.Errorf("%w: %d, expected 0..%d", ErrDomain, n, int64(MaxNumber))
	}
	return nil
}
