package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Checks of the annex: what else the contract received.

// openAnnex decodes the annex and puts it together with the core.
func (e *epoch) openAnnex() {
	all := []part{anAnnex, theLate}
	if e.files.Annex == nil {
		e.lack(lack{why: "no annex was given", needs: "annex"}, all...)
		return
	}
	var err error
	if len(e.files.Annex) == 0 {
		err = errNoAnnex
	} else {
		e.annex, err = contract.DecodeAnnex(e.files.Annex)
	}
	if err != nil {
		e.fault("the annex", err, all...)
		return
	}
	if !e.has(aDescription) {
		return
	}
	if e.opened, e.unfit = e.annex.Open(e.core); e.unfit != nil {
		e.lack(lack{why: "the annex does not fit the core"}, theLate)
	}
}

func annex(e *epoch) Finding {
	a := e.annex
	switch {
	case e.unfit != nil:
		return fail("%v", e.unfit)
	case !a.Verify():
		return fail("the annex is not signed by contract %s", a.Contract.Short())
	}
	return pass("of this core, signed %s", a.SealedAt)
}

// late verifies what came after the winner as the contract would have.
func late(e *epoch) Finding {
	for i, s := range e.opened.Late {
		v, err := e.messages.Submission(e.d, s)
		if err != nil {
			return fail("the late submission of %s does not verify: %v", e.config.name(e.annex.Late[i].Submitter), err)
		}
		e.verified = append(e.verified, v)
	}
	if len(e.opened.Late) == 0 {
		return pass("no other submission verified")
	}
	last := slices.MaxFunc(e.annex.Late, func(a, b contract.Late) int { return cmp.Compare(a.ReceivedAt, b.ReceivedAt) })
	return pass("%d verify, the last %d ms after the window's end", len(e.opened.Late), last.ReceivedAt.Sub(e.d.End).Milliseconds())
}

// refused lists what the contract refused. Only the contract's word stands for it.
func refused(e *epoch) Finding {
	const most = 5
	list, more := e.annex.Refused, int64(e.annex.Dropped)
	if len(list) == 0 && more == 0 {
		return pass("no submission was refused")
	}
	var texts []string
	for _, r := range list[:min(len(list), most)] {
		texts = append(texts, fmt.Sprintf("%s (%s)", e.config.name(r.Submitter), r.Verdict))
	}
	if more += int64(max(0, len(list)-most)); more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return pass("%d, by the contract's word: %s", int64(len(list))+int64(e.annex.Dropped), strings.Join(texts, ", "))
}

// evidence verifies what convicts members, and looks for second reports itself.
func evidence(e *epoch) Finding {
	for i, pair := range e.opened.DoubleReports {
		by := e.annex.DoubleReports[i].Reporter
		if pair[0].ID() == pair[1].ID() || !e.signedReport(by, pair[0]) || !e.signedReport(by, pair[1]) {
			return fail("the two reports of %s do not prove that it signed twice", e.config.name(by))
		}
	}
	var blocks []keys.Public
	for _, double := range e.annex.DoubleBlocks {
		creator := double.First.Header.Creator
		if !e.d.Group.Contains(creator) || !double.First.Verify() || !double.Second.Verify() {
			return fail("the two blocks of %s do not prove that it signed twice", e.config.name(creator))
		}
		blocks = append(blocks, creator)
	}
	var texts []string
	if reporters := e.messages.DoubleReports(e.d, e.opened.Messages); len(reporters) > 0 {
		texts = append(texts, e.names(senders(reporters))+" signed two reports")
	}
	if len(blocks) > 0 {
		texts = append(texts, e.names(blocks)+" signed two blocks for one slot")
	}
	if len(texts) > 0 {
		return warn("%s", strings.Join(texts, "; "))
	}
	return pass("nobody signed two reports or two blocks")
}

func senders(pairs [][2]block.Message) []keys.Public {
	list := make([]keys.Public, len(pairs))
	for i, pair := range pairs {
		list[i] = pair[0].Sender()
	}
	return list
}

func (e *epoch) signedReport(by keys.Public, m block.Message) bool {
	reading, err := e.messages.Read(m, e.d)
	return err == nil && m.Sender() == by && e.rule.Counts(reading) && e.messages.Signed(m)
}

// spread says how much it matters which block won: what the blocks that were submitted would have
// paid.
func spread(e *epoch) Finding {
	if e.recomputed == nil {
		return cannot("the winner's result cannot be recomputed")
	}
	results := []metrics.Result{*e.recomputed}
	for _, v := range e.verified {
		results = append(results, v.Result)
	}
	if len(results) == 1 {
		return pass("no other certified block was submitted")
	}
	widest, at, gaps := metrics.Uptime(0), 0, 0
	for j := range e.d.Mixnodes {
		low, high, values := metrics.Full, metrics.Uptime(0), 0
		for _, r := range results {
			if v := r.Values[j]; v != metrics.Missing {
				low, high, values = min(low, v), max(high, v), values+1
			}
		}
		if values > 0 && high-low > widest {
			widest, at = high-low, j
		}
		if values > 0 && values < len(results) {
			gaps++
		}
	}
	text := fmt.Sprintf("%d certified blocks would have paid the same", len(results))
	if widest > 0 {
		text = fmt.Sprintf("%d blocks would pay at most %s points apart (%s)", len(results), widest, e.d.Mixnodes[at])
	}
	if gaps > 0 {
		text += fmt.Sprintf("; %s without a new uptime in some", count(gaps, "mixnode"))
	}
	return pass("%s", text)
}
