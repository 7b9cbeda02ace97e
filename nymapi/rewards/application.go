package rewards

import (
	"context"
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
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// ApplicationConfig is what an Application needs.
type ApplicationConfig struct {
	Key      block.Signer // of this Nym-API
	Group    *membership.Group
	Store    *Store
	Calendar Calendar
	// Open are this member's blocks in the node's store that were not delivered yet.
	Open []block.Block
	// Submit notifies the Submitter of a new submission. It must not block.
	Submit func()
	// Delivered is called with each certified block and its epoch. It may be nil.
	Delivered func(ctx context.Context, id contract.Epoch, b block.Block, c certificate.Certificate) error
	Offences  *Offences // records what members are caught at; may be nil
	Logger    *slog.Logger
}

// Application is the ephemera.Application of a Nym-API: it decides about reports and blocks.
type Application struct {
	config   ApplicationConfig
	self     keys.Public
	cache    reportCache
	arrivals arrivals

	// These belong to the one goroutine that calls NextBlock, CheckBlock and DeliverBlock.
	made       map[contract.Epoch]bool // epochs with a block of this member, open or certified
	candidates []block.Message         // of the last NextBlock
}

var (
	_ ephemera.Application          = (*Application)(nil)
	_ ephemera.EquivocationObserver = (*Application)(nil)
)

// NewApplication returns the application of one Nym-API.
func NewApplication(ctx context.Context, config ApplicationConfig) (*Application, error) {
	a := &Application{config: config, self: config.Key.Public(), cache: newReportCache()}
	var err error
	if a.made, err = config.Store.OwnBlocks(ctx, 0); err != nil {
		return nil, err
	}
	for _, b := range config.Open {
		if made, err := rules.ClaimOf(config.Group, b, a.cache.report); err == nil {
			a.made[made.Epoch] = true
		}
	}
	return a, nil
}

// CheckMessage accepts well-formed reports of members under the label of an epoch. Which of them
// count is decided for a block.
func (a *Application) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	report, err := rules.Admit(a.config.Group, m, a.cache.report)
	a.refuse(ctx, m, report, err)
	if err != nil {
		return ephemera.Reject(err.Error())
	}
	a.note(ctx, m, report)
	return ephemera.Accept()
}

// note records a report of a known epoch. If it is the member's second one, it stores both as
// evidence.
func (a *Application) note(ctx context.Context, m block.Message, report rules.Report) {
	d, known := a.config.Calendar.Description(report.Description)
	if !known || d.Epoch != report.Epoch {
		return
	}
	now, _ := a.config.Calendar.Now()
	first, double := a.arrivals.note(report.Epoch, m, now)
	if !double {
		return
	}
	a.config.Logger.WarnContext(ctx, "a member signed two reports for one epoch", "epoch", report.Epoch, "member", m.Sender().Short())
	if a.config.Offences != nil {
		a.config.Offences.catch(ctx, m.Sender(), contract.TwoReports, int64(report.Epoch), "")
	}
	if err := a.config.Store.KeepDoubleReport(ctx, report.Epoch, first, m); err != nil {
		a.config.Logger.ErrorContext(ctx, "evidence was not stored", "epoch", report.Epoch, "err", err)
	}
}

// NextBlock proposes one block for each ended epoch, with the first report of each member. It waits
// until the reports of all members have arrived, or until the deadline has passed and those of n-f
// have arrived.
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
		if len(picked) == all || now >= rules.WindowOf(e.Description).Deadline() && len(picked) >= enough {
			return picked
		}
	}
	return nil
}

// pick returns the reports that count for an epoch, the first of each member, in the order of the
// candidates.
func (a *Application) pick(e epoch.Entry, candidates []block.Message) []block.MessageID {
	read := rules.Reader(a.cache.report).Under(e.Description.Epoch)
	var picked []block.MessageID
	for _, report := range a.cache.rule(e.Description, e.Hash).Pick(candidates, read) {
		picked = append(picked, report.Message)
	}
	return picked
}

// CheckBlock decides by the bytes of a block and the description that it is about: it must hold the
// reports of n-f members for one epoch under its label, and they must count. Time can only delay
// the verdict: see complete.
func (a *Application) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	made, err := rules.ClaimOf(a.config.Group, b, a.cache.report)
	if err != nil {
		return ephemera.Reject(err.Error())
	}
	d, known := a.config.Calendar.Description(made.Description)
	if !known {
		a.config.Calendar.Want(made.Epoch)
		return ephemera.Later(fmt.Sprintf("the description of epoch %d is not known yet", made.Epoch))
	}
	if d.Epoch != made.Epoch {
		return ephemera.Reject(fmt.Sprintf("reports of epoch %d under the label of epoch %d", d.Epoch, made.Epoch))
	}
	reporters, err := a.cache.rule(d, made.Description).Block(b, rules.Reader(a.cache.report).UnderAny())
	if err != nil {
		return ephemera.Reject(err.Error())
	}
	for _, m := range b.Messages {
		if report, err := a.cache.report(m); err == nil && report.Epoch != 0 {
			a.note(ctx, m, report)
		}
	}
	if !a.complete(d, reporters) {
		return ephemera.Later(fmt.Sprintf("reports of members may still come for epoch %d", d.Epoch))
	}
	if b.Header.Creator != a.self {
		return ephemera.Accept()
	}
	a.made[d.Epoch] = true
	return ephemera.Accept().Dropping(a.stale(b)...)
}

// complete reports whether a block need not wait for more reports. Before the deadline it must hold
// the reports of all members. Until the end of the grace period it must hold every report that had
// arrived here by the deadline. So a creator cannot win by omitting the reports of others early.
func (a *Application) complete(d contract.Description, reporters []verify.Reading) bool {
	if len(reporters) == d.Group.N() {
		return true
	}
	now, known := a.config.Calendar.Now()
	window := rules.WindowOf(d)
	switch {
	case !known || now < window.Deadline():
		return false
	case now >= window.Grace():
		return true
	}
	included := make(map[keys.Public]bool, len(reporters))
	for _, r := range reporters {
		included[r.Key] = true
	}
	for _, member := range a.arrivals.heldAt(d.Epoch, window.Deadline()) {
		if !included[member] {
			return false
		}
	}
	return true
}

// stale returns the candidates that no later block of this member can use: those that are not
// reports, and those of epochs that are settled or already have this member's block.
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
		report, err := a.cache.report(m)
		if !taken[m.ID()] && (err != nil || report.Epoch == 0 || a.made[report.Epoch] || settled[report.Epoch]) {
			stale = append(stale, m.ID())
		}
	}
	return stale
}

// DeliverBlock stores the submission that follows from this member's block, and passes every block
// to Delivered.
func (a *Application) DeliverBlock(ctx context.Context, b block.Block, c certificate.Certificate) error {
	// This member was offline for longer than the others keep reports, and the epoch is settled.
	if b.Pruned() {
		a.config.Logger.WarnContext(ctx, "certified block without reports: the members have pruned them", "block", b.ID().Short())
		return nil
	}
	own := b.Header.Creator == a.self
	read := rules.Reader(a.cache.report)
	if own { // the values are needed, and the cache has none
		read = readOnce()
	}
	made, err := rules.ClaimOf(a.config.Group, b, read)
	if err != nil { // impossible: q members accepted it
		a.config.Logger.ErrorContext(ctx, "certified block without an epoch", "block", b.ID().Short(), "err", err)
		return nil
	}
	if a.config.Delivered != nil {
		if err := a.config.Delivered(ctx, made.Epoch, b, c); err != nil {
			return err
		}
	}
	if !own {
		return nil
	}
	return a.deliverOwn(ctx, made, b, c, read)
}

func (a *Application) deliverOwn(ctx context.Context, made rules.Claim, b block.Block, c certificate.Certificate, read rules.Reader) error {
	a.made[made.Epoch] = true
	d, known := a.config.Calendar.Description(made.Description)
	if !known {
		a.config.Calendar.Want(made.Epoch)
		return fmt.Errorf("deliver block for epoch %d: its description is not known yet", made.Epoch)
	}
	reporters, err := a.cache.rule(d, made.Description).Block(b, read.UnderAny())
	if err != nil {
		return fmt.Errorf("deliver block for epoch %d: %w", d.Epoch, err)
	}
	matrix, _, err := verify.MatrixOf(reporters, d)
	if err != nil {
		return fmt.Errorf("deliver block for epoch %d: %w", d.Epoch, err)
	}
	result, err := verify.Result(matrix, d)
	if err != nil {
		return fmt.Errorf("deliver block for epoch %d: %w", d.Epoch, err)
	}
	submission, err := contract.NewSubmission(a.config.Key, d, result, &contract.Evidence{Block: b, Certificate: c})
	if err != nil {
		return err
	}
	if !submission.Verify() { // the key may be in another process
		return fmt.Errorf("submit block for epoch %d: %w", d.Epoch, ErrUnsigned)
	}
	now, _ := a.config.Calendar.Now()
	added, err := a.config.Store.AddSubmission(ctx, Submission{Epoch: d.Epoch, Body: submission.Encode(), Made: now}, &b)
	if err != nil || !added {
		return err
	}
	a.config.Logger.InfoContext(ctx, "own block certified", "epoch", d.Epoch, "block", b.ID().Short(),
		"reports", len(reporters), "signers", c.Count())
	a.config.Submit()
	return nil
}
