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
	if err := a.fill(all, c, d); err != nil {
		return Annex{}, fmt.Errorf("seal annex of epoch %d: %w", d.Epoch, err)
	}
	return a.Sign(contract), a.Validate()
}

func (a *Annex) fill(all Collected, c Core, d Description) error {
	messages, results, err := c.places(d)
	if err != nil {
		return err
	}
	late, blocks, err := all.decode(d)
	if err != nil {
		return err
	}
	a.Messages = messages.addAll(all.messages(blocks))
	a.Results = results.addAll(resultsOf(late))
	for i, s := range late {
		l := Late{
			ReceivedAt: all.Late[i].At, Digest: Digest(all.Late[i].Submission), Certificate: s.Certificate, Result: results.of(s.Result), Submitter: s.Submitter, Signature: s.Signature,
		}
		if len(s.Block) > 0 {
			l.Header = canonical.Encode(blocks[i].SignedHeader)
		}
		for _, m := range blocks[i].Messages {
			l.Messages = append(l.Messages, messages.of(m.Encode()))
		}
		a.Late = append(a.Late, l)
	}
	slices.SortFunc(a.Late, func(x, y Late) int { return x.Submitter.Compare(y.Submitter) })
	a.Refused = slices.SortedStableFunc(slices.Values(all.Refused), func(x, y Refused) int { return cmp.Compare(x.ReceivedAt, y.ReceivedAt) })
	a.convict(all, messages)
	return nil
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

// messages returns all encoded messages that the annex refers to.
func (all Collected) messages(blocks []block.Block) [][]byte {
	var encoded [][]byte
	for _, b := range blocks {
		encoded = append(encoded, encodeAll(b.Messages)...)
	}
	for _, pair := range all.DoubleReports {
		encoded = append(encoded, encodeAll(pair[:])...)
	}
	return encoded
}

func encodeAll(messages []block.Message) [][]byte {
	encoded := make([][]byte, len(messages))
	for i, m := range messages {
		encoded[i] = m.Encode()
	}
	return encoded
}

func resultsOf(submissions []Submission) [][]byte {
	results := make([][]byte, len(submissions))
	for i, s := range submissions {
		results[i] = s.Result
	}
	return results
}

// convict fills DoubleReports and DoubleBlocks.
func (a *Annex) convict(all Collected, messages *places) {
	for _, pair := range all.DoubleReports {
		first, second := messages.of(pair[0].Encode()), messages.of(pair[1].Encode())
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

// places returns the messages and the result of the core, none without a winner.
func (c Core) places(d Description) (messages, results *places, err error) {
	messages, results = newPlaces(), newPlaces()
	if c.Missed() {
		return messages, results, nil
	}
	s, err := DecodeSubmission(c.Submission, MaxSubmissionBytes(d.Group, len(d.Mixnodes)))
	if err != nil {
		return nil, nil, err
	}
	results.hold(s.Result)
	if len(s.Block) == 0 || d.Rules.Mode == ModePerformance {
		return messages, results, nil
	}
	b, err := block.Decode(s.Block, d.Group.Limits())
	if err != nil {
		return nil, nil, fmt.Errorf("winner: %w", err)
	}
	messages.hold(encodeAll(b.Messages)...)
	return messages, results, nil
}

// places are the encoded messages, or results, of a core and its annex. The annex must use all of
// its own.
type places struct {
	items [][]byte
	known map[string]Place
	used  []bool
}

func newPlaces() *places { return &places{known: make(map[string]Place)} }

// add gives an item the next place. It reports whether the item had one before.
func (p *places) add(item []byte) (known bool) {
	_, known = p.known[string(item)]
	p.known[string(item)] = Place(len(p.items))
	p.items, p.used = append(p.items, item), append(p.used, false)
	return known
}

// hold adds items of the core.
func (p *places) hold(items ...[]byte) {
	for _, item := range items {
		p.add(item)
		p.used[len(p.used)-1] = true
	}
}

// addAll adds the items that have no place yet, and returns them in the order of an annex.
func (p *places) addAll(items [][]byte) [][]byte {
	missing := slices.DeleteFunc(items, func(item []byte) bool {
		_, known := p.known[string(item)]
		return known
	})
	slices.SortFunc(missing, bytes.Compare)
	missing = slices.CompactFunc(missing, bytes.Equal)
	for _, item := range missing {
		p.add(item)
	}
	return missing
}

// of returns the place of an item that was added.
func (p *places) of(item []byte) Place { return p.known[string(item)] }

// take marks the item at a place as used.
func (p *places) take(place Place) ([]byte, error) {
	if int(place) >= len(p.items) {
		return nil, fmt.Errorf("place %d, expected less than %d", place, len(p.items))
	}
	p.used[place] = true
	return p.items[place], nil
}

// allUsed returns an error that names the first place that nothing refers to.
func (p *places) allUsed() error {
	if i := slices.Index(p.used, false); i >= 0 {
		return fmt.Errorf("place %d is not used", i)
	}
	return nil
}
