package contract

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrInvalid reports bytes or values that no correct program produces.
var ErrInvalid = errors.New("invalid contract data")

// Epoch is the number of a time window of the contract, from 1. 0 is not a valid number.
type Epoch uint64

// String returns the number in decimal.
func (e Epoch) String() string { return strconv.FormatUint(uint64(e), 10) }

// Label returns the label of the messages that hold reports about the epoch, "epoch/<number>".
func (e Epoch) Label() string { return labelPrefix + e.String() }

const labelPrefix = "epoch/"

// ParseLabel returns the epoch whose Label a text is. The error wraps ErrInvalid.
func ParseLabel(text string) (Epoch, error) {
	number, _ := strings.CutPrefix(text, labelPrefix)
	epoch, err := ParseEpoch(number)
	if err != nil || epoch.Label() != text {
		return 0, fmt.Errorf("%w: label %.80q, expected %s and the number of an epoch", ErrInvalid, text, labelPrefix)
	}
	return epoch, nil
}

// ParseEpoch parses an epoch number of 1 or more in decimal. The error wraps ErrInvalid.
func ParseEpoch(text string) (Epoch, error) {
	number, err := strconv.ParseUint(text, 10, 53) // at most canonical.MaxNumber
	if err != nil || number == 0 {
		return 0, fmt.Errorf("%w: epoch %.40q, expected a whole number from 1", ErrInvalid, text)
	}
	return Epoch(number), nil
}

// CompareNames compares names of Nym-APIs so that nymapi-2 comes before nymapi-10.
func CompareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Hash is a SHA-256 digest, written as 64 hexadecimal digits.
type Hash [32]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first eight hexadecimal digits, for logs and tables.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// MarshalText encodes the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("%w: hash of %d characters, expected %d hexadecimal digits", ErrInvalid, len(text), 2*len(h))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("%w: hash: %w", ErrInvalid, err)
	}
	return nil
}

// Millis is a moment in milliseconds since 1970-01-01, UTC. In JSON it is RFC 3339 with
// milliseconds, such as 2026-11-20T12:00:00.000Z.
type Millis int64

const millisLayout = "2006-01-02T15:04:05.000Z"

// At returns t, truncated to milliseconds.
func At(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time returns the moment as a time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Add returns the moment d later, with d truncated to milliseconds.
func (m Millis) Add(d time.Duration) Millis { return m + Millis(d.Milliseconds()) }

// Sub returns the duration from o to m.
func (m Millis) Sub(o Millis) time.Duration { return time.Duration(m-o) * time.Millisecond }

// String returns RFC 3339 with milliseconds.
func (m Millis) String() string { return m.Time().Format(millisLayout) }

// MarshalText encodes RFC 3339 with milliseconds.
func (m Millis) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText decodes RFC 3339 with or without fractional seconds. In UTC, the moment must be in
// one of the years 0 to 9999, which MarshalText can encode.
func (m *Millis) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if year := t.UTC().Year(); err != nil || year < 0 || year > 9999 {
		return fmt.Errorf("%w: time %.40q, expected RFC 3339 such as 2026-11-20T12:00:00.000Z", ErrInvalid, text)
	}
	*m = At(t)
	return nil
}
