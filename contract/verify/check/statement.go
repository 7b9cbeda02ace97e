package check

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Checks of form, and of what the description says.

func strictForm(e *epoch) Finding {
	switch {
	case len(e.faults) > 1:
		return fail("%s, and %s more", e.faults[0], count(len(e.faults)-1, "fault"))
	case len(e.faults) == 1:
		return fail("%s", e.faults[0])
	case e.has(anAnnex):
		return pass("core %s, annex %s", count(len(e.files.Core), "byte"), count(len(e.files.Annex), "byte"))
	}
	return pass("core %s", count(len(e.files.Core), "byte"))
}

func parameters(e *epoch) Finding {
	d, r := e.d, e.d.Rules
	full := metrics.Coverage(d.Group.F())
	if r.Mode != contract.ModeFull {
		return pass("mode %s, %s", r.Mode, count(len(d.Mixnodes), "mixnode"))
	}
	if _, err := d.Estimator(); err != nil {
		return cannot("%v", err)
	}
	if int(r.Coverage) < full {
		return warn("coverage %d is below 2f+1 = %d: f = %d liars may set an uptime", r.Coverage, full, d.Group.F())
	}
	return pass("%s %d, coverage %d (2f+1 = %d), %s", r.Estimator, r.Version, r.Coverage, full, count(len(d.Mixnodes), "mixnode"))
}

func trustedGroup(e *epoch) Finding {
	id, number, n := e.d.Group.ID(), e.d.Group.Number(), count(e.d.Group.N(), "member")
	switch e.config.Group {
	case membership.ID{}:
		return needs("group", "no trusted group; this is %s, %s", short(id.String()), n)
	case id:
		return pass("the trusted one: %s, number %d, %s", short(id.String()), number, n)
	}
	return fail("group %s, the trusted one is %s", short(id.String()), short(e.config.Group.String()))
}

func trustedContract(e *epoch) Finding {
	switch e.config.Contract {
	case keys.Public{}:
		return needs("contract key", "no trusted key; this is %s", e.d.ContractKey.Short())
	case e.d.ContractKey:
		return pass("the trusted one: %s", e.d.ContractKey.Short())
	}
	return fail("contract %s, which is not the trusted one", e.d.ContractKey.Short())
}

// tables compares the copies that a database keeps for queries.
func tables(e *epoch) Finding {
	if e.files.Copies == nil {
		return Finding{}
	}
	if err := e.files.Copies(e.audited()); err != nil {
		return fail("%v", err)
	}
	return pass("what is shown is in the evidence; nothing signed has names of members")
}

func (e *epoch) audited() verify.Audited {
	a := verify.Audited{Record: e.record, Description: e.d, Submission: e.submission, Receipt: e.receipt, Rewards: e.core.Rewards}
	a.Verified = verify.Verified{Result: e.claimed, Matrix: e.matrix, Reporters: e.reporters, Signers: e.signers, Block: e.block, Certificate: e.certificate}
	return a
}
