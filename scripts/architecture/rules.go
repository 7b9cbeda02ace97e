package architecture

import "slices"

// module is the path that the four modules' import paths begin with.
const module = "github.com/ephemera-go/nym-rewarding/"

// A rule says what the packages of a folder may import from this repository.
type rule struct {
	// folder is "a/b" for that package alone, or "a/..." for every package at or below it. The most
	// specific rule applies.
	folder  string
	imports []string // folders in the same notation
	// pure forbids clocks, goroutines, randomness, input, output and logs: outside the repository only
	// pureImports may be imported.
	pure bool
	also []string // what a pure package may import beyond pureImports
}

// The building blocks of the rules below.
var (
	leaves = []string{
		"ephemera/quorum", "ephemera/canonical", "ephemera/keys", "ephemera/membership", "ephemera/block", "ephemera/certificate", "ephemera/verdict",
		"ephemera/address", "ephemera/evidence",
	}
	core       = []string{"ephemera/wire", "ephemera/admission", "ephemera/mempool", "ephemera/internal/broadcast", "ephemera/internal/engine"}
	interfaces = []string{"ephemera", "ephemera/api", "ephemera/store", "ephemera/transport"}
	// A home opens its SQLite store, so it counts as an adapter. Pebble and RocksDB are not listed:
	// only ephemera's own command and tests link them.
	adapters       = []string{"ephemera/home", "ephemera/limits", "ephemera/store/memory", "ephemera/store/sqlite", "ephemera/transport/..."}
	kit            = []string{"ephemera/kit/..."}
	contractFacing = []string{"contract", "contract/client", "contract/performance", "contract/verify", "contract/verify/check"}
)

// rules is the architecture, from the leaves up. Test files may also import what testRules allows.
var rules = []rule{
	{folder: "metrics", pure: true},
	{folder: "metrics/...", imports: []string{"metrics/..."}},

	// The kit imports nothing of this project: each package could be a library of its own.
	{folder: "ephemera/kit/...", imports: []string{"ephemera/kit/..."}},

	{folder: "ephemera/quorum", pure: true},
	// It derives the structure of an encoding from a Go type, once.
	{folder: "ephemera/canonical", pure: true, also: []string{"reflect", "sync"}},
	{folder: "ephemera/keys", imports: []string{"ephemera/kit/files", "ephemera/kit/plaintext"}},
	// It parses addresses, and neither resolves nor dials them.
	{folder: "ephemera/address", pure: true, also: []string{"github.com/multiformats/go-multiaddr", "net", "net/netip", "net/url", "unicode"}},
	{folder: "ephemera/membership", imports: []string{"ephemera/quorum", "ephemera/canonical", "ephemera/keys", "ephemera/address"}, pure: true},
	// A provider reads the groups in a node's store.
	{folder: "ephemera/provider", imports: []string{"ephemera/address", "ephemera/keys", "ephemera/kit/files", "ephemera/kit/jsontext", "ephemera/kit/plaintext", "ephemera/membership", "ephemera/store"}},
	{folder: "ephemera/block", imports: leaves[:4], pure: true},
	{folder: "ephemera/certificate", imports: leaves[:5], pure: true},
	{folder: "ephemera/verdict", imports: leaves[:5], pure: true},
	{folder: "ephemera/evidence", imports: leaves[:6], pure: true},
	{folder: "ephemera/wire", imports: leaves, pure: true},
	{folder: "ephemera/mempool", imports: leaves, pure: true},
	// It learns what became durable from the types of package store, which only declares them.
	{folder: "ephemera/admission", imports: join(leaves, []string{"ephemera/wire", "ephemera/store"}), pure: true},
	// The core describes what to persist with the types of package store, which only declares them.
	{folder: "ephemera/internal/broadcast", imports: join(leaves, core, []string{"ephemera/store"}), pure: true},
	{folder: "ephemera/internal/engine", imports: join(leaves, core, []string{"ephemera/store"}), pure: true},
	{folder: "ephemera/store", imports: leaves},
	{folder: "ephemera/store/...", imports: join(leaves, kit, []string{"ephemera/store/..."})},
	{folder: "ephemera/limits", imports: join(leaves, []string{"ephemera/admission", "ephemera/mempool", "ephemera/wire"}), pure: true},
	{folder: "ephemera/transport", imports: leaves},
	{folder: "ephemera/transport/...", imports: join(leaves, kit, []string{"ephemera/limits", "ephemera/transport/..."})},
	{folder: "ephemera/dht", imports: join(leaves, []string{"ephemera/limits", "ephemera/store"})},
	{folder: "ephemera/home", imports: join(leaves, kit, []string{"ephemera", "ephemera/store", "ephemera/store/sqlite", "ephemera/transport/p2p"})},
	{folder: "ephemera/internal/daemon/settings", imports: join(leaves, kit)},
	// The daemon puts the parts together. Stores other than SQLite come from the command, so that
	// nothing else links them.
	{folder: "ephemera/internal/daemon/...", imports: join(leaves, core, interfaces, []string{
		"ephemera/api/...", "ephemera/internal/daemon/...", "ephemera/dht", "ephemera/home", "ephemera/limits", "ephemera/provider", "ephemera/kit/...",
		"ephemera/policy", "ephemera/remote", "ephemera/store/sqlite", "ephemera/transport/p2p",
	})},
	// Server and client depend on the interface alone. Local and telemetry serve a node.
	{folder: "ephemera/api", imports: join(leaves, kit)},
	{folder: "ephemera/api/...", imports: join(leaves, kit, []string{"ephemera/api"})},
	{folder: "ephemera/api/local", imports: join(leaves, core, interfaces)},
	{folder: "ephemera/api/telemetry", imports: join(leaves, core, interfaces)},
	// The root runs the core and is served by others.
	{folder: "ephemera", imports: join(leaves, core, []string{"ephemera/kit/wait", "ephemera/limits", "ephemera/store", "ephemera/transport"})},
	{folder: "ephemera/internal/apitest", imports: []string{"ephemera/..."}}, // starts whole nodes
	{folder: "ephemera/internal/attack/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/simulation/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/examples/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/cmd/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/remote", imports: join(leaves, core, interfaces, kit)},
	{folder: "ephemera/...", imports: join(leaves, core, interfaces)},

	{folder: "contract", imports: join(leaves, kit, []string{"metrics"})},
	{folder: "contract/verify", imports: join(leaves, []string{"metrics", "contract", "contract/performance"}), pure: true},
	{folder: "contract/verify/check", imports: join(leaves, []string{"metrics", "contract", "contract/verify"}), pure: true},
	{folder: "contract/performance", imports: []string{"metrics"}, pure: true},
	{folder: "contract/client", imports: join(leaves, []string{"metrics", "contract", "ephemera/kit/jsontext"})},
	{folder: "contract/...", imports: join(leaves, kit, []string{"metrics/...", "contract/..."})},
	// Its commands read lists of members.
	{folder: "contract/cmd/...", imports: join(leaves, kit, []string{"metrics/...", "contract/...", "ephemera/provider"})},

	{folder: "nymapi/samples", imports: join(kit, []string{"metrics"})},
	{folder: "nymapi/collector/...", imports: []string{"metrics/...", "contract", "nymapi/collector/...", "nymapi/samples"}},
	// What every Nym-API decides alike: asked by those that run and by those that are simulated.
	{folder: "nymapi/rules", imports: join(leaves, []string{"metrics", "contract", "contract/verify", "ephemera/mempool"}), pure: true},
	{folder: "nymapi/epoch/...", imports: join(leaves, contractFacing, []string{"metrics/...", "nymapi/epoch/..."})},
	{folder: "nymapi/rewards/...", imports: join(
		leaves, core, interfaces, kit, contractFacing,
		[]string{"metrics/...", "nymapi/collector", "nymapi/epoch", "nymapi/rewards/...", "nymapi/rules"},
	)},
	{folder: "nymapi/holders", imports: join(leaves, []string{"contract"})},
	{folder: "nymapi/service/...", imports: join(
		leaves, core, interfaces, adapters, kit, contractFacing,
		[]string{"ephemera/api/client", "ephemera/api/local", "ephemera/api/server", "ephemera/api/telemetry", "ephemera/dht", "ephemera/provider", "ephemera/remote", "metrics/...", "nymapi/collector", "nymapi/epoch", "nymapi/holders", "nymapi/rewards", "nymapi/rules", "nymapi/samples", "nymapi/service/..."},
	)},
	{folder: "nymapi/compare/...", imports: join(
		leaves, core, interfaces, adapters, kit, contractFacing,
		[]string{"metrics/...", "contract/server", "nymapi/bars", "nymapi/collector", "nymapi/compare/...", "nymapi/paragraph", "nymapi/results", "nymapi/service"},
	)},
	{folder: "nymapi/simulate/cost", imports: join(leaves, []string{"contract", "ephemera/wire"}), pure: true},
	{folder: "nymapi/simulate/...", imports: join(
		leaves, core, interfaces, kit, contractFacing, []string{"metrics/...", "ephemera/simulation", "nymapi/bars", "nymapi/paragraph", "nymapi/plots", "nymapi/rules", "nymapi/simulate/..."},
	)},
	// What is paid, and the frame of the experiments, are computed without clock, network or files.
	{folder: "nymapi/payout", imports: []string{"ephemera/quorum", "metrics", "contract/performance"}, pure: true},
	{folder: "nymapi/experiment/lies", imports: []string{"ephemera/quorum", "metrics", "metrics/draw", "nymapi/payout"}, pure: true},
	{folder: "nymapi/experiment/lies/trust", imports: []string{"metrics", "nymapi/experiment/lies", "nymapi/payout"}, pure: true},
	{folder: "nymapi/experiment/waiting", imports: []string{"ephemera/quorum", "metrics/draw"}, pure: true},
	// It computes a world once for all cells that are played at the same time.
	{folder: "nymapi/experiment/observe", imports: []string{"metrics", "metrics/draw", "metrics/trace", "metrics/world"}, pure: true, also: []string{"sync"}},
	{folder: "nymapi/experiment/intervals", imports: []string{"metrics/draw"}, pure: true, also: []string{"gonum.org/v1/gonum/stat/distuv"}},
	{folder: "nymapi/experiment", imports: []string{
		"ephemera/quorum", "metrics/...", "nymapi/experiment/intervals", "nymapi/experiment/lies/...", "nymapi/experiment/observe", "nymapi/experiment/waiting", "nymapi/payout", "nymapi/rules",
		"nymapi/simulate/availability", "nymapi/simulate/cost",
	}, pure: true},
	// Scenes ask the rules of the contracts what counts, and sign reports for that.
	{folder: "nymapi/scenes", imports: join(leaves, []string{
		"metrics/...", "contract", "contract/performance", "contract/verify", "nymapi/experiment", "nymapi/experiment/observe", "nymapi/payout",
	}), pure: true},
	// Running, files and figures around it.
	{folder: "nymapi/experiment/...", imports: join(kit, []string{
		"ephemera/quorum", "metrics/...", "nymapi/bars", "nymapi/experiment/...", "nymapi/paragraph", "nymapi/payout", "nymapi/plots", "nymapi/rules",
	})},
	{folder: "nymapi/results", imports: kit},
	// The figures of a shadow run are computed without its database.
	{folder: "nymapi/shadow/window", imports: []string{"ephemera/quorum", "metrics", "nymapi/payout"}, pure: true},
	{folder: "nymapi/shadow/spread", imports: []string{"metrics", "metrics/draw", "nymapi/shadow/window"}, pure: true},
	{folder: "nymapi/shadow/...", imports: join(kit, []string{"ephemera/quorum", "metrics/...", "nymapi/paragraph", "nymapi/results", "nymapi/shadow/..."})},
	{folder: "nymapi/internal/attack", imports: join(leaves, kit, contractFacing)},
	{folder: "nymapi/cmd/...", imports: join(leaves, interfaces, adapters, kit, contractFacing, []string{"contract/performance/vectors", "ephemera/provider", "metrics/...", "nymapi/..."})},
	{folder: "nymapi/...", imports: join(leaves, contractFacing, []string{"metrics/..."})},
}

// testRules lists what test files may import in addition: adapters and test kits, but never against
// the direction of the modules.
var testRules = []rule{
	{folder: "metrics/...", imports: []string{"metrics/..."}},
	{folder: "ephemera/...", imports: []string{"ephemera/..."}},
	{folder: "contract/...", imports: join(leaves, []string{"contract/...", "metrics/..."})},
	{folder: "nymapi/...", imports: []string{"nymapi/...", "contract/...", "ephemera/...", "metrics/..."}},
}

// pureImports lists everything that a pure package may import from outside the repository. Package
// time is listed for its types: pureTime lists the names that may be used.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "container/list", "crypto/ed25519", "crypto/sha256", "encoding/binary", "encoding/hex",
	"encoding/json", "errors", "fmt", "iter", "maps", "math", "math/big", "math/bits", "slices", "sort", "strconv", "strings", "time", "unicode/utf8",
	"github.com/fxamacker/cbor/v2",
	"github.com/transparency-dev/merkle/compact", "github.com/transparency-dev/merkle/proof", "github.com/transparency-dev/merkle/rfc6962",
}

// pureTime lists the names of package time that neither read a clock nor wait for one.
var pureTime = []string{
	"Time", "Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour", "Unix", "UnixMilli", "UTC", "RFC3339",
}

// goroutines names the statements and types that pure packages must not contain.
const goroutines = "go statement, select or channel"

// testKitOnly names functions that skip a check, and the folders that may call them besides tests.
var testKitOnly = map[string][]string{
	"AssumeVerified": {"ephemera/simulation/..."}, // wire: a frame of which no signature was checked
	"AssumeDecoded":  {"ephemera/simulation/..."}, // wire: a frame that never was bytes
}

// The house rules of all packages.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
	maxColumns       = 100 // of a line with a comment, a tab counted as one
)

// vagueNames are package names that say nothing at the call site.
var vagueNames = []string{"common", "core", "helpers", "misc", "shared", "types", "util", "utils"}

func join(lists ...[]string) []string { return slices.Concat(lists...) }
