package contract

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// Collected is what a contract has received about an epoch in addition to the winner, in any order.
type Collected struct {
	Late          []Received // submissions that verified, at most one of each submitter
	Refused       []Refused
	Dropped       uint32             // refused submissions that are not in Refused
	DoubleReports [][2]block.Message // at most one pair of each reporter
	DoubleBlocks  [][2]block.SignedHeader
}

// Received is a submission as it was received.
type Received struct {
	Submission []byte
	At         Millis
}

// Seal returns the annex of the epoch that the core is about, signed by the contract. It is an
// error if the core or a late submission cannot be decoded.
func (all Collected) Seal(c Core, at Millis, contract block.Signer) (Annex, error) {
	d, err := DecodeDescription(c.Description)
	if err != nil {
		return Annex{}, fmt.Errorf("seal annex: %w", err)
	}
	a := Annex{Version: AnnexVersion, Network: d.Network, Epoch: d.Epoch, Core: c.Digest(), SealedAt: at, Dropped: all.Dropped}
	held, err := c.messages(d)
	if err != nil {
		return Annex{}, fmt.Errorf("seal annex of epoch %d: %w", d.Epoch, err)
	}
	late, blocks, err := all.decode(d)
	if err != nil {
		return Annex{}, fmt.Errorf("seal annex of epoch %d: %w", d.Epoch, err)
	}
	places := make(map[string]Place)
	for i, m := range held {
		places[string(m.Encode())] = Place(i)
	}
	a.Messages = all.missing(blocks, places)
	for i, body := range a.Messages {
		places[string(body)] = Place(len(held) + i)
	}
	for i, s := range late {
		a.Late = append(a.Late, newLate(all.Late[i], s, blocks[i], places))
	}
	slices.SortFunc(a.Late, func(x, y Late) int { return x.Submitter.Compare(y.Submitter) })
	a.Refused = slices.SortedStableFunc(slices.Values(all.Refused), func(x, y Refused) int { return cmp.Compare(x.ReceivedAt, y.ReceivedAt) })
	a.convict(all, places)
	return a.Sign(contract), a.Validate()
}

// decode returns the late submissions and their blocks, which are zero without Ephemera.
func (all Collected) decode(d Description) ([]Submission, []block.Block, error) {
	late, blocks := make([]Submission, len(all.Late)), make([]block.Block, len(all.Late))
	for i, received := range all.Late {
		var err error
		if late[i], err = DecodeSubmission(received.Submission, MaxSubmissionBytes(d.Group, len(d.Mixnodes))); err != nil {
			return nil, nil, err
		}
		if len(late[i].Block) == 0 {
			continue
		}
		if blocks[i], err = block.Decode(late[i].Block, d.Group.Limits()); err != nil {
			return nil, nil, fmt.Errorf("late submission of %s: %w", late[i].Submitter, err)
		}
	}
	return late, blocks, nil
}

// missing returns the encoded messages that have no place yet, in the order of an annex.
func (all Collected) missing(blocks []block.Block, places map[string]Place) [][]byte {
	var bodies [][]byte
	add := func(messages []block.Message) {
		for _, m := range messages {
			body := m.Encode()
			if _, known := places[string(body)]; !known {
				bodies = append(bodies, body)
			}
		}
	}
	for _, b := range blocks {
		add(b.Messages)
	}
	for _, pair := range all.DoubleReports {
		add(pair[:])
	}
	slices.SortFunc(bodies, bytes.Compare)
	return slices.CompactFunc(bodies, bytes.Equal)
}

func newLate(received Received, s Submission, b block.Block, places map[string]Place) Late {
	late := Late{
		ReceivedAt: received.At, Digest: Digest(received.Submission), Certificate: s.Certificate, Result: s.Result, Submitter: s.Submitter, Signature: s.Signature,
	}
	if len(s.Block) > 0 {
		late.Header = canonical.Encode(b.SignedHeader)
	}
	for _, m := range b.Messages {
		late.Messages = append(late.Messages, places[string(m.Encode())])
	}
	return late
}

// convict fills DoubleReports and DoubleBlocks.
func (a *Annex) convict(all Collected, places map[string]Place) {
	for _, pair := range all.DoubleReports {
		first, second := places[string(pair[0].Encode())], places[string(pair[1].Encode())]
		a.DoubleReports = append(a.DoubleReports, DoubleReport{Reporter: pair[0].Sender(), First: min(first, second), Second: max(first, second)})
	}
	slices.SortFunc(a.DoubleReports, func(x, y DoubleReport) int { return x.Reporter.Compare(y.Reporter) })
	for _, pair := range all.DoubleBlocks {
		if pair[0].Header.ID().Compare(pair[1].Header.ID()) > 0 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		a.DoubleBlocks = append(a.DoubleBlocks, DoubleBlock{First: pair[0], Second: pair[1]})
	}
	slices.SortFunc(a.DoubleBlocks, func(x, y DoubleBlock) int { return x.First.Header.Slot().Compare(y.First.Header.Slot()) })
}

// messages returns the messages of the winner's block, none without one.
func (c Core) messages(d Description) ([]block.Message, error) {
	if c.Missed() {
		return nil, nil
	}
	s, err := DecodeSubmission(c.Submission, MaxSubmissionBytes(d.Group, len(d.Mixnodes)))
	if err != nil || len(s.Block) == 0 {
		return nil, err
	}
	b, err := block.Decode(s.Block, d.Group.Limits())
	if err != nil {
		return nil, fmt.Errorf("%w: winner: %w", ErrInvalid, err)
	}
	return b.Messages, nil
}
