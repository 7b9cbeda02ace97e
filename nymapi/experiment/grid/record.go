package grid

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// record is the results of a run as they are in files: for each way its name, then the value of
// each measure as text, empty if it is not measured.
type record struct {
	Run  int        `json:"run"`
	Ways [][]string `json:"ways"`
}

// digits of a value. Two platforms may differ in the last digits of a float64.
const digits = 7

func newRecord(run int, outcomes []experiment.Outcome) record {
	measures, ways := experiment.Measures(), make([][]string, len(outcomes))
	for i, o := range outcomes {
		ways[i] = append(make([]string, 0, 1+len(measures)), o.Way)
		for _, m := range measures {
			ways[i] = append(ways[i], valueText(m.Value(o.Figures)))
		}
	}
	return record{Run: run, Ways: ways}
}

func valueText(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return ""
	}
	if x == 0 {
		return "0" // also for -0
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}

// valid reports whether a record can be one of the plan's.
func (p *Plan) valid(r record) bool {
	columns := 1 + len(experiment.Measures())
	for _, way := range r.Ways {
		if len(way) != columns {
			return false
		}
	}
	return r.Run >= 0 && r.Run < p.Runs() && len(r.Ways) > 0
}

// checksumLength is that of the checksum in hexadecimal digits and a space, with which lines begin.
const checksumLength = 9

// line returns a value as a line of the journal: a checksum, a space and JSON.
func line(value any) ([]byte, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", checksum(content), content), nil
}

// parse reads a line without its end. It returns false if the line is not what was written.
func parse(line []byte, value any) bool {
	if len(line) < checksumLength {
		return false
	}
	content := line[checksumLength:]
	if string(line[:checksumLength]) != fmt.Sprintf("%08x ", checksum(content)) {
		return false
	}
	return json.Unmarshal(content, value) == nil
}

func checksum(content []byte) uint32 {
	return crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
}
