package rows

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// Usable times, in seconds since 1970: the years 2000 to 2199.
const (
	oldestTime = 946_684_800
	newestTime = 7_258_118_399
)

// longestName bounds identities, which take 44 bytes in base58.
const longestName = 100

// Why a row is left out.
var (
	errNode        = errors.New("node_id is not a number from 0 to 4294967295")
	errSubmitter   = errors.New("submitter_pubkey is not text of 1 to 100 printable characters")
	errNoResult    = errors.New("result is NULL or NaN, which SQLite cannot tell apart")
	errResult      = errors.New("result is not a number")
	errRange       = errors.New("result is outside 0 to 1")
	errReachable   = errors.New("was_reachable is neither 0 nor 1")
	errTime        = errors.New("test_timestamp is not a time such as 2026-11-30T12:00:00Z of the years 2000 to 2199")
	errIdentity    = errors.New("identity is not text of 1 to 100 printable characters")
	errReliability = errors.New("reliability is not a number from 0 to 100")
	errUnix        = errors.New("timestamp is not in seconds since 1970 of the years 2000 to 2199")
)

func parseNode(value any, m *window.Measurement) error {
	id, ok := value.(int64)
	if !ok || id < 0 || id > math.MaxUint32 {
		return errNode
	}
	m.Node.Name = strconv.FormatInt(id, 10)
	return nil
}

func parseSubmitter(value any, m *window.Measurement) error {
	name, ok := value.(string)
	if !ok || !isName(name) {
		return errSubmitter
	}
	m.Submitter = name
	return nil
}

func parseIdentity(value any, m *window.Measurement) error {
	name, ok := value.(string)
	if !ok || !isName(name) {
		return errIdentity
	}
	m.Node.Name = name
	return nil
}

func isName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return name != "" && len(name) <= longestName
}

// parseResult rounds a result half up to millionths.
func parseResult(value any, m *window.Measurement) error {
	var result float64
	switch v := value.(type) {
	case nil:
		return errNoResult
	case float64:
		result = v
	case int64:
		result = float64(v)
	default:
		return errResult
	}
	if !(result >= 0 && result <= 1) {
		return errRange
	}
	m.Value = int32(math.Floor(result*window.Full + 0.5))
	return nil
}

func parseReachable(value any, m *window.Measurement) error {
	switch value {
	case int64(0):
		m.Reachable = false
	case int64(1):
		m.Reachable = true
	default:
		return errReachable
	}
	return nil
}

// parseTime parses a time as sqlx and SQLite write them: RFC 3339, also with a space instead of
// the T. Without an offset it is UTC, as in a column without time zone.
func parseTime(value any, m *window.Measurement) error {
	s, ok := value.(string)
	const seconds = len("2006-01-02 15:04:05")
	if !ok || len(s) < seconds || s[10] != ' ' && s[10] != 'T' {
		return errTime
	}
	if s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	if !strings.ContainsAny(s[seconds:], "Zz+-") {
		s += "Z"
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() < oldestTime || t.Unix() > newestTime {
		return errTime
	}
	m.Time = t.UTC()
	return nil
}

func parseReliability(value any, m *window.Measurement) error {
	percent, ok := value.(int64)
	if !ok || percent < 0 || percent > 100 {
		return errReliability
	}
	m.Value = int32(percent * (window.Full / 100))
	return nil
}

func parseUnix(value any, m *window.Measurement) error {
	seconds, ok := value.(int64)
	if !ok || seconds < oldestTime || seconds > newestTime {
		return errUnix
	}
	m.Time = time.Unix(seconds, 0).UTC()
	return nil
}
