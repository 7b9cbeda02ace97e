package check

import (
	"fmt"
	"slices"
)

// A check looks at the parts of a bundle that it needs.
type check struct {
	name  string
	needs []part
	run   func(*epoch) Finding
}

// checks are all checks in reading order. Their numbers are their places, from 1.
var checks = []check{
	{"strict form", nil, strictForm},
	{"parameters", []part{aDescription}, parameters},
	{"group", []part{aDescription}, trustedGroup},
	{"contract key", []part{aDescription}, trustedContract},

	{"signatures", []part{aBlock}, signatures},
	{"network", []part{aBlock}, network},
	{"epoch", []part{aBlock}, epochOfReports},
	{"window", []part{aBlock}, window},
	{"members", []part{aBlock}, members},
	{"range", []part{aBlock}, valueRange},
	{"order", []part{aBlock}, order},
	{"one each", []part{aBlock}, oneEach},
	{"copies", []part{aMatrix}, copies},
	{"enough reports", []part{aBlock}, enoughReports},

	{"Merkle root", []part{aBlock}, merkleRoot},
	{"block", []part{aBlock}, ownBlock},
	{"parent", []part{aBlock}, parent},
	{"certified", []part{aBlock, aCertificate}, certified},
	{"signers", []part{aCertificate}, signers},
	{"quorum", []part{aCertificate}, quorumOfSigners},

	{"submission", []part{aSubmission}, submitted},
	{"coverage", []part{aMatrix, aClaim}, coverage},
	{"columns", []part{aMatrix, aClaim}, columns},
	{"payment", []part{aClaim}, payment},
	{"carried", []part{aClaim}, carried},
	{"bound", []part{aMatrix}, bound},

	{"receipt", []part{aReceipt, aSubmission}, receipt},
	{"record", []part{aRecord}, record},
	{"chain", []part{aRecord}, chained},
	{"witness", []part{aDescription}, witnessed},
	{"weights", []part{aDescription}, weights},

	{"annex", []part{anAnnex, aDescription}, annex},
	{"late", []part{theLate, aDescription}, late},
	{"refused", []part{anAnnex}, refused},
	{"evidence", []part{theLate, aDescription}, evidence},
	{"spread", []part{theLate, aMatrix}, spread},
	{"tables", []part{aDescription}, tables},
}

// run runs a check, and reports whether it applies to the epoch.
func (e *epoch) run(c check) (f Finding, applies bool) {
	for _, p := range c.needs {
		if l, lacks := e.lacks[p]; lacks {
			return Finding{Outcome: NotCheckable, Value: l.why, Needs: l.needs}, !l.irrelevant
		}
	}
	f = c.run(e)
	return f, f.Outcome != ""
}

func pass(format string, args ...any) Finding {
	return Finding{Outcome: Pass, Value: fmt.Sprintf(format, args...)}
}

func fail(format string, args ...any) Finding {
	return Finding{Outcome: Fail, Value: fmt.Sprintf(format, args...)}
}

func warn(format string, args ...any) Finding {
	return Finding{Outcome: Warning, Value: fmt.Sprintf(format, args...)}
}

// cannot is the finding of a check that nothing makes possible.
func cannot(format string, args ...any) Finding {
	return Finding{Outcome: NotCheckable, Value: fmt.Sprintf(format, args...)}
}

// needs is the finding of a check that is possible with what was not given.
func needs(what, format string, args ...any) Finding {
	return Finding{Outcome: NotCheckable, Value: fmt.Sprintf(format, args...), Needs: what}
}

// unless returns the first of the findings that is not the zero one.
func unless(findings ...Finding) Finding {
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.Outcome != "" })
	return findings[i]
}
