package check

import (
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Checks of what the contract signed.

func receipt(e *epoch) Finding {
	if err := verify.Receipt(e.d, e.submission, e.blockID(), e.core.Rewards, e.receipt); err != nil {
		return fail("%s", strings.TrimPrefix(err.Error(), "receipt: "))
	}
	if last := e.last; last.receipt.Epoch == e.d.Epoch && verify.Equivocation(e.d.ContractKey, last.receipt, e.receipt) == nil {
		return fail("the contract signed another receipt for epoch %d, for %s", e.d.Epoch, e.config.name(last.receipt.Submitter))
	}
	after := e.receipt.AcceptedAt.Sub(e.d.End).Milliseconds()
	if after < 0 {
		return warn("signed by the contract %d ms before the window's end", -after)
	}
	return pass("by the contract, %d ms after the window's end", after)
}

func record(e *epoch) Finding {
	r := e.record
	if !r.Verify() {
		return fail("the record is not signed by contract %s", r.Contract.Short())
	}
	var rewards, submission contract.Hash
	status := contract.StatusMissed
	if !e.core.Missed() {
		rewards, submission = contract.HashRewards(e.d.Network, e.d.Epoch, e.core.Rewards), contract.Digest(e.core.Submission)
		status = contract.StatusRewarded
	}
	if r.Status != status {
		return fail("the contract signed that the epoch was %s, the core says %s", r.Status, status)
	}
	if err := verify.Record(r, e.d, rewards, submission); err != nil {
		return fail("%s", strings.TrimPrefix(err.Error(), "record: "))
	}
	if r.Origin == contract.OriginMigration {
		return pass("%s, signed when the contract was migrated", status)
	}
	if r.Status == contract.StatusMissed {
		return pass("missed: %s", r.Reason)
	}
	return pass("rewarded, signed %s", r.SettledAt)
}

func chained(e *epoch) Finding {
	last, number := e.last.description, e.d.Epoch
	switch {
	case e.record.Epoch != number:
		return fail("record of epoch %d in the bundle of epoch %d", e.record.Epoch, number)
	case last.Epoch == 0 && e.config.First != 0 && number != e.config.First:
		return fail("epoch %d comes first, expected epoch %d: epochs were removed", number, e.config.First)
	case last.Epoch == 0 && number == 1:
		return pass("the first record of the contract")
	case last.Epoch == 0:
		return needs("bundle of epoch "+(number-1).String(), "epoch %d was not given", number-1)
	case last.Epoch >= number:
		return fail("a bundle of epoch %d after that of epoch %d", number, last.Epoch)
	case last.Epoch+1 < number && e.config.Consecutive:
		return fail("epoch %d follows epoch %d: epochs between them were removed", number, last.Epoch)
	case last.Epoch+1 < number:
		return needs("bundle of epoch "+(number-1).String(), "epochs between %d and %d were not given", last.Epoch, number)
	case e.d.ContractKey != last.ContractKey || e.d.Network != last.Network:
		return fail("of contract %s in %s, the epoch before is of %s in %s", e.d.ContractKey.Short(), e.d.Network, last.ContractKey.Short(), last.Network)
	case e.d.Start < last.End:
		return fail("the window starts at %s, before that of epoch %d ends", e.d.Start, last.Epoch)
	}
	before, given := e.records[last.Epoch]
	if !given {
		return needs("core of version 2", "epoch %d was given without a record", last.Epoch)
	}
	if e.record.Previous != before {
		return fail("follows record %s, that of epoch %d is %s", e.record.Previous.Short(), last.Epoch, before.Short())
	}
	return pass("follows record %s of epoch %d", before.Short(), last.Epoch)
}

// witnessed looks at the record that the reporters of the epoch signed: their reports name the
// description, and the description names the newest record of its time.
func witnessed(e *epoch) Finding {
	s := e.d.State
	switch {
	case e.d.Version == 1:
		return cannot("a description of version 1 names no record")
	case s.Settled == 0:
		return pass("nothing was settled before epoch %d began", e.d.Epoch)
	}
	before, given := e.records[s.Settled]
	if given && before != s.Record {
		return fail("the description names record %s of epoch %d, that epoch's is %s", s.Record.Short(), s.Settled, before.Short())
	}
	signed := e.counted(func(r report) bool { return e.messages.Signed(r.message) })
	enough := signed >= quorum.Correct(e.d.Group.N())
	if enough {
		e.summary.witness(Witness{Epoch: s.Settled, Record: s.Record, By: e.d.Epoch, Members: signed})
	}
	if !given {
		return needs("bundle of epoch "+s.Settled.String(), "record %s of epoch %d was not given", s.Record.Short(), s.Settled)
	}
	if enough {
		return pass("%d of %d signed record %s of epoch %d", signed, e.d.Group.N(), s.Record.Short(), s.Settled)
	}
	return pass("names record %s of epoch %d", s.Record.Short(), s.Settled)
}
