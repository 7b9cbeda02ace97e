package check

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// part is a piece of a bundle that checks look at.
type part int

const (
	aCore part = iota
	aDescription
	aRecord
	aSubmission
	aReceipt
	aClaim // the submitted result
	aBlock
	aCertificate
	aMatrix
	anAnnex
	theLate // what the annex holds together with the core
)

var (
	errMissing = errors.New("the evidence of a settled epoch is missing, or has another form")
	errNoAnnex = errors.New("the annex of a closed epoch is missing, or has another form")
)

// lack says why there is no part to look at.
type lack struct {
	why, needs string
	irrelevant bool // the epoch has no such part
}

// epoch is a bundle that is being checked.
type epoch struct {
	*Verifier
	files  Evidence
	lacks  map[part]lack
	faults []string // of the form

	core        contract.Core
	d           contract.Description
	hash        contract.Hash // of d
	rule        verify.Rule   // of d
	record      contract.Record
	submission  contract.Submission
	receipt     contract.Receipt
	claimed     metrics.Result
	block       block.Block
	reports     []report // one for each message of the block
	certificate certificate.Certificate
	signers     []keys.Public // of valid echoes
	matrix      metrics.Matrix
	reporters   []verify.Reporter
	recomputed  *metrics.Result // nil if it cannot be
	annex       contract.Annex
	opened      contract.Opened
	unfit       error // why the annex is not that of the core
	messages    verify.Messages
	verified    []verify.Verified // late submissions
}

// report is a message of the block.
type report struct {
	verify.Reading
	message block.Message
	err     error // why it is not a report
}

func (e *epoch) has(p part) bool {
	_, lacks := e.lacks[p]
	return !lacks
}

func (e *epoch) lack(l lack, parts ...part) {
	for _, p := range parts {
		e.lacks[p] = l
	}
}

// fault records that a part does not decode, so that parts in it are not there.
func (e *epoch) fault(name string, err error, parts ...part) {
	e.faults = append(e.faults, err.Error())
	e.lack(lack{why: name + " does not decode"}, parts...)
}

// open decodes all parts.
func (e *epoch) open() {
	e.openCore()
	e.openAnnex()
}

func (e *epoch) openCore() {
	var err error
	if len(e.files.Core) == 0 {
		err = errMissing
	} else if e.core, err = contract.DecodeCore(e.files.Core); err == nil && !bytes.Equal(e.core.Encode(), e.files.Core) {
		err = fmt.Errorf("%w: core: it encodes to other bytes", contract.ErrInvalid)
	}
	all := []part{aDescription, aRecord, aSubmission, aReceipt, aClaim, aBlock, aCertificate, aMatrix}
	if err != nil {
		e.fault("the core", err, append(all, aCore)...)
		return
	}
	if e.d, err = contract.DecodeDescription(e.core.Description); err != nil {
		e.fault("the description", err, all...)
		return
	}
	e.hash, e.rule = e.d.Hash(), verify.NewRule(e.d)
	e.openRecord()
	if e.core.Missed() {
		e.lack(lack{why: "the epoch was missed", irrelevant: true}, aSubmission, aReceipt, aClaim, aBlock, aCertificate, aMatrix)
		return
	}
	if e.receipt, err = contract.DecodeReceipt(e.core.Receipt); err != nil {
		e.fault("the receipt", err, aReceipt)
	}
	limit := contract.MaxSubmissionBytes(e.d.Group, len(e.d.Mixnodes))
	if e.submission, err = contract.DecodeSubmission(e.core.Submission, limit); err != nil {
		e.fault("the submission", err, aSubmission, aClaim, aBlock, aCertificate, aMatrix)
		return
	}
	if e.claimed, err = metrics.DecodeResult(e.submission.Result, metrics.LimitsFor(len(e.d.Mixnodes))); err != nil {
		e.fault("the result", fmt.Errorf("result: %w", err), aClaim)
	} else if !e.d.SameMixnodes(e.claimed.Mixnodes) {
		e.fault("the result", fmt.Errorf("result: it lists %d mixnodes, expected the %d of the description", len(e.claimed.Mixnodes), len(e.d.Mixnodes)), aClaim)
	}
	e.openBlock()
}

func (e *epoch) openRecord() {
	if len(e.core.Record) == 0 {
		e.lack(lack{why: "a core of version 1 has no record", needs: "a core of version 2"}, aRecord)
		return
	}
	var err error
	if e.record, err = contract.DecodeRecord(e.core.Record); err != nil {
		e.fault("the record", err, aRecord)
	}
}

func (e *epoch) openBlock() {
	if mode := e.d.Rules.Mode; mode != contract.ModeFull {
		e.lack(lack{why: fmt.Sprintf("in mode %s there is no block of signed reports", mode)}, aBlock, aCertificate, aMatrix)
		return
	}
	var err error
	if e.certificate, err = certificate.Decode(e.submission.Certificate, e.d.Group.N()); err != nil {
		e.fault("the certificate", fmt.Errorf("certificate: %w", err), aCertificate)
	}
	if e.block, err = block.Decode(e.submission.Block, e.d.Group.Limits()); err != nil {
		e.fault("the block", fmt.Errorf("block: %w", err), aBlock, aMatrix)
		return
	}
	readings := make(map[block.MessageID]report, len(e.block.Messages))
	for _, m := range e.block.Messages {
		r := report{message: m}
		r.Reading, r.err = e.messages.Read(m, e.d)
		e.reports, readings[m.ID()] = append(e.reports, r), r
	}
	picked, err := e.rule.Block(e.block, func(m block.Message) (verify.Reading, error) { return readings[m.ID()].Reading, readings[m.ID()].err })
	if err == nil {
		e.matrix, e.reporters, err = verify.MatrixOf(picked, e.d)
	}
	if err != nil {
		e.lack(lack{why: fmt.Sprintf("the block has no matrix of the epoch: %v", err)}, aMatrix)
		return
	}
	if result, err := verify.Result(e.matrix, e.d); err == nil {
		e.recomputed = &result
	}
}

// blockID returns the ID of the winner's block, zero if it has none.
func (e *epoch) blockID() block.ID {
	if !e.has(aBlock) {
		return block.ID{}
	}
	return e.block.ID()
}
