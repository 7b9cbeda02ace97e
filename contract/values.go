package contract

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrInvalid reports bytes or values that no correct program makes.
var ErrInvalid = errors.New("invalid contract data")

// Epoch is the number of a time window of the contract. The first is 1; 0 stands for none.
type Epoch uint64

// String returns the number in decimal.
func (e Epoch) String() string { return strconv.FormatUint(uint64(e), 10) }

// Label returns the label under which reports about the epoch are broadcast, "epoch/<number>".
func (e Epoch) Label() string { return "epoch/" + e.String() }

// ParseEpoch reads an epoch number of 1 or more in decimal.
func ParseEpoch(text string) (Epoch, error) {
	number, err := strconv.ParseUint(text, 10, 63) // databases store it in 64 bits with a sign
	if err != nil || number == 0 {
		return 0, fmt.Errorf("%w: epoch %.40q, expected a number from 1", ErrInvalid, text)
	}
	return Epoch(number), nil
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

// Millis is a moment in milliseconds since 1970, UTC. In JSON it is RFC 3339 with milliseconds,
// such as 2026-11-20T12:00:00.000Z.
type Millis int64

const millisLayout = "2006-01-02T15:04:05.000Z"

// At returns the millisecond that t lies in.
func At(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time returns the moment as a time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Add returns the moment d later, d cut to milliseconds.
func (m Millis) Add(d time.Duration) Millis { return m + Millis(d.Milliseconds()) }

// Sub returns the time from o to m.
func (m Millis) Sub(o Millis) time.Duration { return time.Duration(m-o) * time.Millisecond }

// String returns RFC 3339 with milliseconds.
func (m Millis) String() string { return m.Time().Format(millisLayout) }

// MarshalText encodes RFC 3339 with milliseconds.
func (m Millis) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText decodes RFC 3339 with or without a fraction.
func (m *Millis) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("%w: time %.40q, expected RFC 3339 such as 2026-11-20T12:00:00.000Z", ErrInvalid, text)
	}
	*m = At(t)
	return nil
}
