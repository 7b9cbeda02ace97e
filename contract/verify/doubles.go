package verify

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// maxDoubles bounds the signatures that are verified for each member and for each slot: anybody can
// make unsigned messages and headers in another's name.
const maxDoubles = 16

// DoubleReports returns two reports of each member that signed more than one which counts for the
// epoch of d, in the order in which the second ones occur. A correct member signs one report about
// an epoch, in one message. Messages of which the signature is wrong convict nobody.
func DoubleReports(d contract.Description, messages []block.Message) [][2]block.Message {
	return new(Messages).DoubleReports(d, messages)
}

// DoubleReports is DoubleReports for messages of which some may be remembered.
func (known *Messages) DoubleReports(d contract.Description, messages []block.Message) [][2]block.Message {
	rule := NewRule(d)
	first := make(map[keys.Public]block.Message)
	tried := make(map[keys.Public]int)
	convicted := make(map[keys.Public]bool)
	var pairs [][2]block.Message
	for _, m := range messages {
		sender := m.Sender()
		before, another := first[sender]
		if !d.Group.Contains(sender) || convicted[sender] || another && before.ID() == m.ID() || tried[sender] >= maxDoubles {
			continue
		}
		if report, err := known.Read(m, d); err != nil || m.Network() != d.Network || !rule.Counts(report) {
			continue
		}
		tried[sender]++
		switch {
		case !known.Signed(m):
		case another:
			convicted[sender] = true
			pairs = append(pairs, [2]block.Message{before, m})
		default:
			first[sender] = m
		}
	}
	return pairs
}

// DoubleBlocks returns two headers of each slot of the group for which its creator signed more than
// one, in the order in which the second ones occur. A correct member signs one. Headers of which
// the signature is wrong convict nobody.
func DoubleBlocks(group *membership.Group, headers []block.SignedHeader) [][2]block.SignedHeader {
	first := make(map[block.Slot]block.SignedHeader)
	tried := make(map[block.Slot]int)
	convicted := make(map[block.Slot]bool)
	var pairs [][2]block.SignedHeader
	for _, h := range headers {
		slot := h.Header.Slot()
		before, known := first[slot]
		if convicted[slot] || known && before.Header.ID() == h.Header.ID() || tried[slot] >= maxDoubles || h.Header.Check(group) != nil {
			continue
		}
		tried[slot]++
		switch {
		case !h.Verify():
		case known:
			convicted[slot] = true
			pairs = append(pairs, [2]block.SignedHeader{before, h})
		default:
			first[slot] = h
		}
	}
	return pairs
}

// MaxLateBytes returns the greatest length of a late submission that is kept: one by a member of
// the group of d whose block holds a report of each member and nothing else.
func MaxLateBytes(d contract.Description) int {
	n, report := d.Group.N(), metrics.LimitsFor(len(d.Mixnodes)).Bytes
	return lateFrame + report + certificate.MaxBytes(n) + n*(report+block.MaxMessageOverhead)
}

// lateFrame bounds what a submission holds in addition to result, certificate and messages.
const lateFrame = 1 << 10
