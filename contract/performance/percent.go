package performance

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrDecimal reports text that is not a decimal number from 0 to 1.
var ErrDecimal = errors.New("not a decimal number from 0 to 1")

// A Percent is a value as the contract stores it: an integer percent from 0 to 100, or [Absent].
type Percent uint8

const (
	// Full is the largest percent.
	Full Percent = 100
	// Absent stands where there is no value. It never counts as 0.
	Absent Percent = 255
)

// ParsePercent reads a decimal number from 0 to 1 with at most 18 decimals, and rounds it half up
// to two. The error wraps [ErrDecimal].
func ParsePercent(text string) (Percent, error) {
	atoms, err := parseDecimal(text)
	if err != nil {
		return Absent, err
	}
	return roundAtoms(atoms), nil
}

// PercentOf rounds an uptime half up to an integer percent. A missing uptime is [Absent].
func PercentOf(u metrics.Uptime) Percent {
	if u == metrics.Missing {
		return Absent
	}
	return Percent((u + metrics.PerPoint/2) / metrics.PerPoint)
}

// Uptime returns the percent as an uptime. [Absent] is [metrics.Missing].
func (p Percent) Uptime() metrics.Uptime {
	if p == Absent {
		return metrics.Missing
	}
	return metrics.Uptime(p) * metrics.PerPoint
}

// Decimal returns the percent as the decimal number that messages carry, such as 0.95, and an empty
// string for [Absent].
func (p Percent) Decimal() string {
	if p == Absent {
		return ""
	}
	return formatDecimal(uint64(p) * atomsPerPercent)
}

// A number of the contract is a multiple of 10^-18, an atom.
const (
	decimals        = 18
	one             = uint64(1_000_000_000_000_000_000)
	atomsPerPercent = one / uint64(Full)
)

// roundAtoms rounds a number of at most 1 half up to two decimals.
func roundAtoms(atoms uint64) Percent {
	return Percent((atoms + atomsPerPercent/2) / atomsPerPercent)
}

// parseDecimal reads a number from 0 to 1 in atoms.
func parseDecimal(text string) (uint64, error) {
	whole, fraction, point := strings.Cut(text, ".")
	switch {
	case whole == "", point && fraction == "", !digits(whole), !digits(fraction):
		return 0, fmt.Errorf("%w: %q, expected digits with a point, such as 0.95", ErrDecimal, text)
	case len(fraction) > decimals:
		return 0, fmt.Errorf("%w: %q has %d decimals, expected at most %d", ErrDecimal, text, len(fraction), decimals)
	}
	whole = strings.TrimLeft(whole, "0")
	atoms, err := strconv.ParseUint(fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q: %w", ErrDecimal, text, err)
	}
	switch {
	case whole == "":
		return atoms, nil
	case whole == "1" && atoms == 0:
		return one, nil
	}
	return 0, fmt.Errorf("%w: %q is more than 1", ErrDecimal, text)
}

func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// formatDecimal writes atoms without trailing zeros.
func formatDecimal(atoms uint64) string {
	text := fmt.Sprintf("%d.%018d", atoms/one, atoms%one)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
