package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrNoReport reports a message whose payload is not a report.
var ErrNoReport = errors.New("not a report")

// Reporter is a member whose report counts, and the message in the block that holds the report.
type Reporter struct {
	Key     keys.Public
	Message block.MessageID
}

// Reading is a message decoded as a report. Decoding needs no description, so a message can be read
// before its epoch is known and does not have to be read again: see Rule.
type Reading struct {
	Reporter
	Description contract.Hash     // of the epoch that the report is about
	mixnodes    [sha256.Size]byte // digest of the names in the report
	values      []metrics.Uptime
}

// Read decodes a message as a report. It does not check the signature. The error wraps ErrNoReport.
func Read(m block.Message) (Reading, error) {
	size := len(m.Payload()) // a report lists fewer mixnodes than it has bytes
	return read(m, metrics.Limits{Mixnodes: size, Bytes: size})
}

func read(m block.Message, limits metrics.Limits) (Reading, error) {
	report, err := metrics.DecodeReport(m.Payload(), limits)
	if err != nil {
		return Reading{}, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	return Reading{
		Reporter: Reporter{Key: m.Sender(), Message: m.ID()}, Description: report.Description,
		mixnodes: digest(report.Mixnodes), values: report.Values,
	}, nil
}

// WithoutValues returns the reading without the measured values, which a Rule does not need. It is
// for caches.
func (r Reading) WithoutValues() Reading {
	r.values = nil
	return r
}

// digest returns the SHA-256 of the names, each preceded by its length.
func digest(mixnodes []metrics.MixID) [sha256.Size]byte {
	hash := sha256.New()
	var length [4]byte
	for _, id := range mixnodes {
		binary.BigEndian.PutUint32(length[:], uint32(len(id)))
		hash.Write(length[:])
		hash.Write([]byte(id))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// Rule decides which reports count for the epoch of one description. Nym-APIs, the contract and
// auditors all use it. It is immutable.
type Rule struct {
	group    *membership.Group
	hash     contract.Hash
	mixnodes [sha256.Size]byte
}

// NewRule returns the rule of a description. It hashes the description: callers that need the rule
// often should keep it.
func NewRule(d contract.Description) Rule {
	return Rule{group: d.Group, hash: d.Hash(), mixnodes: digest(d.Mixnodes)}
}

// Counts reports whether a report counts for the epoch, provided that it is the first of its
// sender: the sender is a member of the description's group, and the report carries the
// description's hash and lists exactly its mixnodes.
func (r Rule) Counts(report Reading) bool {
	return r.group.Contains(report.Key) && report.Description == r.hash && report.mixnodes == r.mixnodes
}

// Pick returns the reports that count, the first of each member, in the order of the messages. It
// decodes messages with read, which may be Read or a cache, and ignores those for which read
// returns an error.
func (r Rule) Pick(messages []block.Message, read func(block.Message) (Reading, error)) []Reading {
	picked := make([]Reading, 0, min(len(messages), r.group.N()))
	counted := make(map[keys.Public]bool, r.group.N())
	for _, m := range messages {
		if !r.group.Contains(m.Sender()) || counted[m.Sender()] {
			continue
		}
		report, err := read(m)
		if err != nil || !r.Counts(report) {
			continue
		}
		counted[m.Sender()] = true
		picked = append(picked, report)
	}
	return picked
}

// Block is Pick for the messages of a block. The block must be of the description's group and hold
// the reports of at least n-f members, otherwise the error is ErrNotOfEpoch or ErrTooFewReports.
func (r Rule) Block(b block.Block, read func(block.Message) (Reading, error)) ([]Reading, error) {
	if b.Header.Group != r.group.ID() {
		return nil, fmt.Errorf("%w: group %s, expected %s", ErrNotOfEpoch, b.Header.Group, r.group.ID())
	}
	picked := r.Pick(b.Messages, read)
	if need := quorum.Correct(r.group.N()); len(picked) < need {
		return nil, fmt.Errorf("%w: %d of the epoch's reports, expected at least %d", ErrTooFewReports, len(picked), need)
	}
	return picked, nil
}
