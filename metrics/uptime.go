package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// MaxMixIDLength is the maximum length of a [MixID] in bytes.
const MaxMixIDLength = 64

// MaxValue is the maximum value of a [Sample], in percent.
const MaxValue = 100

// Errors that callers branch on. Every error of this package wraps an exported one.
var (
	// ErrMixID reports a mixnode name that is empty, too long, or has other characters than those of
	// [MixID].
	ErrMixID = errors.New("bad mixnode name")
	// ErrUptime reports an uptime outside 0..10000 that is not [Missing].
	ErrUptime = errors.New("uptime out of range")
)

// MixID is the name of a mixnode: 1 to [MaxMixIDLength] bytes of printable ASCII (0x21..0x7e)
// without what separates or encloses fields of tables: spaces, commas, semicolons and quotes.
// Mixnodes are sorted by the bytes of their names.
type MixID string

// ParseMixID returns s as a mixnode name, or an error that wraps [ErrMixID].
func ParseMixID(s string) (MixID, error) {
	if len(s) == 0 || len(s) > MaxMixIDLength {
		return "", fmt.Errorf("%w: %d bytes, expected 1 to %d", ErrMixID, len(s), MaxMixIDLength)
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c > '~', c == ',', c == ';', c == '"', c == '\'':
			return "", fmt.Errorf("%w: byte %#02x at offset %d, expected printable ASCII without spaces, commas, semicolons and quotes", ErrMixID, c, i)
		}
	}
	return MixID(s), nil
}

// Uptime is the share of time that a mixnode was reachable, in hundredths of a percent: 0 to
// [Full], or [Missing].
type Uptime int32

const (
	// Missing is the uptime of a mixnode that was not measured. It is null in CBOR and JSON, and never
	// counts as 0.
	Missing Uptime = -1
	// Full is an uptime of 100 percent.
	Full Uptime = 10000
	// PerPoint is the number of hundredths in one percentage point.
	PerPoint Uptime = 100
)

// Valid reports whether u is 0..[Full] or [Missing].
func (u Uptime) Valid() bool { return u >= Missing && u <= Full }

// Points returns u in percentage points (0..100), and false for [Missing]. It is for display and
// error statistics only: nothing that is signed or compared between machines may depend on it.
func (u Uptime) Points() (points float64, ok bool) {
	if u == Missing {
		return 0, false
	}
	return float64(u) / float64(PerPoint), true
}

// String returns the percentage with two decimals, such as 98.50, and an empty string for
// [Missing].
func (u Uptime) String() string {
	if u == Missing {
		return ""
	}
	if u < 0 {
		return "Uptime(" + strconv.Itoa(int(u)) + ")"
	}
	return fmt.Sprintf("%d.%02d", u/PerPoint, u%PerPoint)
}

// MarshalJSON writes the hundredths as a number, and null for [Missing].
func (u Uptime) MarshalJSON() ([]byte, error) {
	if !u.Valid() {
		return nil, fmt.Errorf("%w: %d", ErrUptime, int32(u))
	}
	if u == Missing {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(u), 10), nil
}

// UnmarshalJSON reads what MarshalJSON writes. The error wraps [ErrUptime].
func (u *Uptime) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*u = Missing
		return nil
	}
	var n int64
	if err := json.Unmarshal(data, &n); err != nil {
		return fmt.Errorf("%w: %w", ErrUptime, err)
	}
	if n < 0 || n > int64(Full) {
		return fmt.Errorf("%w: %d, expected 0 to %d or null", ErrUptime, n, Full)
	}
	*u = Uptime(n)
	return nil
}

// Sample is one measurement of one mixnode by one Nym-API. A failed measurement has no sample.
type Sample struct {
	Mixnode MixID
	Time    time.Time // when it was measured; stores keep milliseconds
	Value   uint8     // percentage of the packets that came back, 0 to [MaxValue]
}

// Average returns the mean of percentages (0..100) in hundredths, rounded half up, and [Missing]
// for no values.
func Average(values []uint8) Uptime {
	var sum int64
	for _, v := range values {
		sum += int64(v)
	}
	return AverageOfSum(sum, int64(len(values)))
}

// AverageOfSum is [Average] of count percentages with that sum, for callers that have already added
// them. It is [Missing] for a count below 1.
func AverageOfSum(sum, count int64) Uptime {
	if count < 1 {
		return Missing
	}
	return Uptime(divideHalfUp(sum*int64(PerPoint), count))
}

// divideHalfUp returns a/b rounded half up, for a >= 0 and b > 0.
func divideHalfUp(a, b int64) int64 { return (2*a + b) / (2 * b) }
