package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// stablePackages are the packages of the published module that other programs may depend on. All
// other importable ones say in their package comment that they are unstable.
var stablePackages = []string{
	"ephemera", "ephemera/api", "ephemera/api/client", "ephemera/api/local", "ephemera/block", "ephemera/certificate",
	"ephemera/home", "ephemera/keys", "ephemera/membership", "ephemera/mempool", "ephemera/policy",
	"ephemera/provider", "ephemera/quorum", "ephemera/store", "ephemera/store/memory",
	"ephemera/store/pebble", "ephemera/store/sqlite", "ephemera/transport",
	"ephemera/transport/p2p", "ephemera/verdict",
}

// surfaceReasons lists the exported names that nothing in this repository uses outside their own
// packages, with the reason why they are exported anyway.
var surfaceReasons = map[string]string{
	"ephemera.CursorKeeper":                "an application may implement it",
	"ephemera/canonical.ErrNotCanonical":   sentinel,
	"ephemera/evidence.ErrInvalid":         sentinel,
	"ephemera/home.ErrKind":                sentinel,
	"ephemera/home.ErrMarker":              sentinel,
	"ephemera/home.LockFile":               "the name of a file in a home",
	"ephemera/keys.ErrBadKey":              sentinel,
	"ephemera/policy.ErrConfig":            sentinel,
	"ephemera/policy.MaxWait":              "a bound that callers of Config.Validate must respect",
	"ephemera/policy.VerifySignature":      "an application that is fed without a node sets it as Config.Check",
	"ephemera/remote.ErrRefused":           sentinel,
	"ephemera/remote.ErrTaken":             sentinel,
	"ephemera/store/rocksdb.Open":          "a store for programs that build with its tag",
	"ephemera/store/storetest.Torn":        "a disk under test may implement it",
	"ephemera/transport/memory.ErrRunning": sentinel,
	"ephemera/transport/p2p.ErrRunning":    sentinel,
}

// Reasons that apply to several names.
const (
	sentinel  = "an error that callers may branch on"
	listBound = "a bound that callers of NewList must respect"
)

// checkStability reports importable packages of the published module that are not listed as stable
// and do not say in their package comment that they are unstable, and stable ones that do.
func checkStability(sources []source) []string {
	var found []string
	for _, s := range sources {
		if s.test || s.ast.Doc == nil || !isPublic(s.folder, s.ast.Name.Name) {
			continue
		}
		stable := slices.Contains(stablePackages, s.folder)
		switch unstable := strings.Contains(s.ast.Doc.Text(), "unstable"); {
		case stable && unstable:
			found = append(found, fmt.Sprintf("%s: the package comment calls a stable package unstable: remove that, or remove the package from stablePackages", s.name))
		case !stable && !unstable:
			found = append(found, fmt.Sprintf("%s: the package comment must say that the package is unstable, and why (or add it to stablePackages)", s.name))
		}
	}
	return found
}
