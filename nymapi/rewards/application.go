package rewards

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// ApplicationConfig is what an Application needs.
type ApplicationConfig struct {
	Key      block.Signer // of this Nym-API
	Group    *membership.Group
	Store    *Store
	Calendar Calendar
	// Open are the own blocks in the node's store that were not delivered yet.
	Open []block.Block
	// Submit tells the Submitter that there is a new submission. It must not block.
	Submit func()
	// Delivered is called with each certified block and the epoch that it is about. It may be nil.
	Delivered func(ctx context.Context, id contract.Epoch, b block.Block, c certificate.Certificate) error
	Logger    *slog.Logger
}

// Application decides for the node about reports and blocks: an ephemera.Application.
type Application struct {
	config   ApplicationConfig
	self     keys.Public
	cards    cards
	arrivals arrivals

	// What follows belongs to the one goroutine that asks NextBlock, CheckBlock and DeliverBlock.
	made       map[contract.Epoch]bool // epochs for which there is an own block, open or certified
	candidates []block.Message         // those of the last NextBlock
}

var _ ephemera.Application = (*Application)(nil)

// NewApplication returns the application of one Nym-API.
func NewApplication(ctx context.Context, config ApplicationConfig) (*Application, error) {
	a := &Application{config: config, self: config.Key.Public(), cards: newCards()}
	var err error
	if a.made, err = config.Store.OwnBlocks(ctx, 0); err != nil {
		return nil, err
	}
	for _, b := range config.Open {
		if made, err := a.cards.classify(config.Group, b); err == nil {
			a.made[made.epoch] = true
		}
	}
	return a, nil
}

// CheckMessage takes well-formed reports of members under the label of an epoch. Which of them
// count is a question of their block.
func (a *Application) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	if !a.config.Group.Contains(m.Sender()) {
		return ephemera.Reject(fmt.Sprintf("%v: sender %s is not a member of group %d", ErrNoReport, m.Sender(), a.config.Group.Number()))
	}
	read := a.cards.read(m)
	if read.err != nil {
		return ephemera.Reject(read.err.Error())
	}
	a.note(ctx, m, read)
	return ephemera.Accept()
}

// note remembers a report of a known epoch, and keeps the evidence when it is the member's second
// one.
func (a *Application) note(ctx context.Context, m block.Message, read card) {
	d, known := a.config.Calendar.Description(read.description)
	if !known || d.Epoch != read.epoch {
		return
	}
	now, _ := a.config.Calendar.Now()
	first, double := a.arrivals.note(read.epoch, m, now)
	if !double {
		return
	}
	a.config.Logger.WarnContext(ctx, "a member signed two reports for one epoch", "epoch", read.epoch, "member", m.Sender().Short())
	if err := a.config.Store.KeepDoubleReport(ctx, read.epoch, first, m); err != nil {
		a.config.Logger.ErrorContext(ctx, "evidence was not kept", "epoch", read.epoch, "err", err)
	}
}

// counts tells whether a message is a report that verify.Matrix counts for d, the first of its
// sender.
func counts(read card, hash contract.Hash, d contract.Description, mixnodes [sha256.Size]byte) bool {
	return read.err == nil && read.epoch == d.Epoch && read.description == hash && read.mixnodes == mixnodes
}

// NextBlock makes one own block of each ended epoch: of the first report of each member, once all
// members' are there, or once the deadline has passed and those of n-f are.
func (a *Application) NextBlock(_ context.Context, turn ephemera.Turn) []block.MessageID {
	candidates := turn.Candidates
	now, known := a.config.Calendar.Now()
	if !known {
		return nil
	}
	a.candidates = candidates
	for _, e := range a.config.Calendar.Epochs() {
		if !e.Over(now) || e.Settled() || a.made[e.Description.Epoch] || e.Description.Group.ID() != turn.Group.ID() {
			continue
		}
		picked := a.pick(e, candidates)
		all, enough := a.config.Group.N(), quorum.Correct(a.config.Group.N())
		if len(picked) == all || now >= deadline(e.Description) && len(picked) >= enough {
			return picked
		}
	}
	return nil
}

// pick returns the counted reports of an epoch, the first of each member, in the order of the
// candidates.
func (a *Application) pick(e epoch.Entry, candidates []block.Message) []block.MessageID {
	mixnodes := digestMixnodes(e.Description.Mixnodes)
	senders := make(map[keys.Public]bool, a.config.Group.N())
	var picked []block.MessageID
	for _, m := range candidates {
		if senders[m.Sender()] || !a.config.Group.Contains(m.Sender()) || !counts(a.cards.read(m), e.Hash, e.Description, mixnodes) {
			continue
		}
		senders[m.Sender()] = true
		picked = append(picked, m.ID())
	}
	return picked
}

// CheckBlock judges a block by its bytes and the description that they name: the reports of n-f
// members for one epoch under its label, and verify.Matrix agrees. Time only delays: see patient.
func (a *Application) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	made, err := a.cards.classify(a.config.Group, b)
	if err != nil {
		return ephemera.Reject(err.Error())
	}
	d, known := a.config.Calendar.Description(made.description)
	if !known {
		a.config.Calendar.Want(made.epoch)
		return ephemera.Later(fmt.Sprintf("the description of epoch %d is not known yet", made.epoch))
	}
	if d.Epoch != made.epoch {
		return ephemera.Reject(fmt.Sprintf("reports of epoch %d under the label of epoch %d", d.Epoch, made.epoch))
	}
	_, reporters, err := verify.Matrix(b, d)
	if err != nil {
		return ephemera.Reject(err.Error())
	}
	for _, m := range b.Messages {
		if read := a.cards.read(m); read.err == nil {
			a.note(ctx, m, read)
		}
	}
	if !a.patient(d, reporters) {
		return ephemera.Later(fmt.Sprintf("reports of members may still come for epoch %d", d.Epoch))
	}
	if b.Header.Creator != a.self {
		return ephemera.Accept()
	}
	a.made[d.Epoch] = true
	return ephemera.Accept().Dropping(a.stale(b)...)
}

// patient tells whether nobody need be waited for any longer. Before the deadline a block must hold
// the reports of all members, and for the grace time those of all of whom one was here at the
// deadline: so nobody wins by leaving others out early.
func (a *Application) patient(d contract.Description, reporters []verify.Reporter) bool {
	if len(reporters) == d.Group.N() {
		return true
	}
	now, known := a.config.Calendar.Now()
	switch {
	case !known || now < deadline(d):
		return false
	case now >= grace(d):
		return true
	}
	included := make(map[keys.Public]bool, len(reporters))
	for _, r := range reporters {
		included[r.Key] = true
	}
	for _, member := range a.arrivals.heldAt(d.Epoch, deadline(d)) {
		if !included[member] {
			return false
		}
	}
	return true
}

// stale returns the candidates that no later own block can use: of epochs that have their own block
// or are settled, and what is no report at all.
func (a *Application) stale(own block.Block) []block.MessageID {
	taken := make(map[block.MessageID]bool, len(own.Messages))
	for _, id := range own.MessageIDs() {
		taken[id] = true
	}
	settled := map[contract.Epoch]bool{}
	for _, e := range a.config.Calendar.Epochs() {
		settled[e.Description.Epoch] = e.Settled()
	}
	var stale []block.MessageID
	for _, m := range a.candidates {
		read := a.cards.read(m)
		if !taken[m.ID()] && (read.err != nil || a.made[read.epoch] || settled[read.epoch]) {
			stale = append(stale, m.ID())
		}
	}
	return stale
}

// DeliverBlock makes the submission of the own block of an epoch durable, and hands every block to
// Delivered.
func (a *Application) DeliverBlock(ctx context.Context, b block.Block, c certificate.Certificate) error {
	if b.Pruned() { // it was away for longer than the others keep reports, and the epoch is long settled
		a.config.Logger.WarnContext(ctx, "a block came without its reports: the members have removed them", "block", b.ID().Short())
		return nil
	}
	made, err := a.cards.classify(a.config.Group, b)
	if err != nil { // q members accepted it, so that cannot be
		a.config.Logger.ErrorContext(ctx, "a certified block is of no epoch", "block", b.ID().Short(), "err", err)
		return nil
	}
	if a.config.Delivered != nil {
		if err := a.config.Delivered(ctx, made.epoch, b, c); err != nil {
			return err
		}
	}
	if b.Header.Creator != a.self {
		return nil
	}
	return a.deliverOwn(ctx, made, b, c)
}

func (a *Application) deliverOwn(ctx context.Context, made claim, b block.Block, c certificate.Certificate) error {
	a.made[made.epoch] = true
	d, known := a.config.Calendar.Description(made.description)
	if !known {
		a.config.Calendar.Want(made.epoch)
		return fmt.Errorf("deliver own block for epoch %d: its description is not known yet", made.epoch)
	}
	matrix, reporters, err := verify.Matrix(b, d)
	if err != nil {
		return fmt.Errorf("deliver own block for epoch %d: %w", d.Epoch, err)
	}
	result, err := verify.Result(matrix, d)
	if err != nil {
		return fmt.Errorf("deliver own block for epoch %d: %w", d.Epoch, err)
	}
	submission, err := contract.NewSubmission(a.config.Key, d, result, &contract.Evidence{Block: b, Certificate: c})
	if err != nil {
		return err
	}
	if !submission.Verify() { // the key may be in another process
		return fmt.Errorf("submit own block for epoch %d: %w", d.Epoch, ErrUnsigned)
	}
	now, _ := a.config.Calendar.Now()
	added, err := a.config.Store.AddSubmission(ctx, Submission{Epoch: d.Epoch, Body: submission.Encode(), Made: now}, &b)
	if err != nil || !added {
		return err
	}
	a.config.Logger.InfoContext(ctx, "own block is certified", "epoch", d.Epoch, "block", b.ID().Short(),
		"reports", len(reporters), "signers", c.Count())
	a.config.Submit()
	return nil
}
