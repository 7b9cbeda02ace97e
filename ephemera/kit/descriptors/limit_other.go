//go:build !unix

package descriptors

import "math"

// Limit returns how many descriptors the process may have open, math.MaxInt32 if there is no bound.
func Limit() int { return math.MaxInt32 }
