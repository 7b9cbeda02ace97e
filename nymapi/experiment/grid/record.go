package grid

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
)

// record is the results of a run as the journal has them: each way as wayText returns it.
type record struct {
	Run  int      `json:"run"`
	Ways []string `json:"ways"`
}

func newRecord(run int, outcomes []experiment.Outcome) record {
	ways := make([]string, len(outcomes))
	for i, o := range outcomes {
		ways[i] = wayText(o)
	}
	return record{Run: run, Ways: ways}
}

// valid reports whether a record can be one of the plan's.
func (p *Plan) valid(r record) bool {
	for _, way := range r.Ways {
		if strings.Count(way, ",") != len(experiment.Measures()) {
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
