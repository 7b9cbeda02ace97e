package rewards

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrNoReport reports a message that is no report, whatever the epoch.
var ErrNoReport = errors.New("no report")

// card is a message that has the form of a report, without the values.
type card struct {
	epoch       contract.Epoch
	description contract.Hash
	mixnodes    [sha256.Size]byte // digest of the list
	err         error             // it has not the form
}

// cards reads messages as reports and remembers what it read: a message is looked at often, and its
// bytes never change. It is safe for concurrent use.
type cards struct {
	known *lru.Cache[block.MessageID, card]
}

// cardsKept is above what the mempools of a group of 100 hold of a few epochs.
const cardsKept = 4096

func newCards() cards {
	known, err := lru.New[block.MessageID, card](cardsKept)
	if err != nil {
		panic(err) // a constant that is not positive: our own mistake
	}
	return cards{known: known}
}

func (c cards) read(m block.Message) card {
	if known, ok := c.known.Get(m.ID()); ok {
		return known
	}
	read := readCard(m)
	c.known.Add(m.ID(), read)
	return read
}

// readCard is a function of the message's content alone.
func readCard(m block.Message) card {
	id, err := parseLabel(m.Label())
	if err != nil {
		return card{err: err}
	}
	size := len(m.Payload()) // a report lists fewer mixnodes than it has bytes
	report, err := metrics.DecodeReport(m.Payload(), metrics.Limits{Mixnodes: size, Bytes: size})
	if err != nil {
		return card{err: fmt.Errorf("%w: %w", ErrNoReport, err)}
	}
	return card{epoch: id, description: report.Description, mixnodes: digestMixnodes(report.Mixnodes)}
}

func parseLabel(label string) (contract.Epoch, error) {
	number, ok := strings.CutPrefix(label, "epoch/")
	if !ok {
		return 0, fmt.Errorf("%w: label %.40q, expected epoch/<number>", ErrNoReport, label)
	}
	id, err := contract.ParseEpoch(number)
	if err != nil || id.Label() != label {
		return 0, fmt.Errorf("%w: label %.40q, expected epoch/<number>", ErrNoReport, label)
	}
	return id, nil
}

func digestMixnodes(mixnodes []metrics.MixID) [sha256.Size]byte {
	hash := sha256.New()
	var length [4]byte
	for _, id := range mixnodes {
		binary.BigEndian.PutUint32(length[:], uint32(len(id)))
		hash.Write(length[:])
		hash.Write([]byte(id))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// claim is which epoch a block is about.
type claim struct {
	epoch       contract.Epoch
	description contract.Hash
}

// classify returns the one claim that reports of n-f members of the block make under the label of
// one epoch. It is a function of the block's bytes and its group. Of a description and its label
// there is one at most: f members may send reports for two, but the others send one for each epoch;
// and a block with the reports of two epochs is nobody's that keeps the rules.
func (c cards) classify(group *membership.Group, b block.Block) (claim, error) {
	reporters := map[claim]map[keys.Public]bool{}
	for _, m := range b.Messages {
		read := c.read(m)
		if read.err != nil || !group.Contains(m.Sender()) {
			continue
		}
		key := claim{epoch: read.epoch, description: read.description}
		if reporters[key] == nil {
			reporters[key] = map[keys.Public]bool{}
		}
		reporters[key][m.Sender()] = true
	}
	var made claim
	for key, members := range reporters {
		switch {
		case len(members) < quorum.Correct(group.N()):
		case made != claim{}:
			return claim{}, errors.New("reports of two epochs in one block")
		default:
			made = key
		}
	}
	if made == (claim{}) {
		return claim{}, fmt.Errorf("no epoch's reports by at least %d members", quorum.Correct(group.N()))
	}
	return made, nil
}
