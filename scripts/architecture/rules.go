package architecture

import "slices"

// module is the path that the four modules' import paths begin with.
const module = "github.com/ephemera-go/nym-rewarding/"

// A rule says what the packages of a folder may import from this repository.
type rule struct {
	folder  string   // "a/b" is that package alone, "a/..." every package at or below it; the most exact rule counts
	imports []string // folders in the same notation; a package may always import nothing
	pure    bool     // no clock, goroutine, randomness, input or output, log: only what is in pureImports
}

// The building blocks of the rules below.
var (
	leaves = []string{
		"ephemera/quorum", "ephemera/canonical", "ephemera/keys", "ephemera/membership", "ephemera/block", "ephemera/certificate",
	}
	core       = []string{"ephemera/wire", "ephemera/mempool", "ephemera/internal/broadcast", "ephemera/internal/engine"}
	interfaces = []string{"ephemera", "ephemera/api", "ephemera/store", "ephemera/transport"}
	// A node's folder opens its SQLite store, so it counts as an adapter, although it is one that
	// every daemon wants. Pebble and RocksDB are not among them: ephemera's own command and tests
	// alone link those.
	adapters       = []string{"ephemera/home", "ephemera/limits", "ephemera/store/memory", "ephemera/store/sqlite", "ephemera/transport/..."}
	kit            = []string{"ephemera/kit/..."}
	contractFacing = []string{"contract", "contract/client", "contract/verify"}
)

// rules is the architecture, from the leaves up. Test files may import whatever testRules says.
var rules = []rule{
	{folder: "metrics", pure: true},
	{folder: "metrics/...", imports: []string{"metrics/..."}},

	// The kit knows nothing of this project: what it holds could be another's library.
	{folder: "ephemera/kit/...", imports: []string{"ephemera/kit/..."}},

	{folder: "ephemera/quorum", pure: true},
	{folder: "ephemera/canonical", pure: true},
	{folder: "ephemera/keys"},
	{folder: "ephemera/membership", imports: []string{"ephemera/quorum", "ephemera/canonical", "ephemera/keys"}, pure: true},
	// A provider is made for a node, and looks at what its store knows.
	{folder: "ephemera/provider", imports: []string{"ephemera", "ephemera/keys", "ephemera/membership", "ephemera/store"}},
	{folder: "ephemera/block", imports: leaves[:4], pure: true},
	{folder: "ephemera/certificate", imports: leaves[:5], pure: true},
	{folder: "ephemera/wire", imports: leaves, pure: true},
	{folder: "ephemera/mempool", imports: leaves, pure: true},
	// The core says what to persist in the words of package store, which declares and does nothing.
	{folder: "ephemera/internal/broadcast", imports: join(leaves, core, []string{"ephemera/store"}), pure: true},
	{folder: "ephemera/internal/engine", imports: join(leaves, core, []string{"ephemera/store"}), pure: true},
	{folder: "ephemera/store", imports: leaves},
	{folder: "ephemera/store/...", imports: join(leaves, kit, []string{"ephemera/store/..."})},
	{folder: "ephemera/limits", imports: join(leaves, []string{"ephemera/mempool", "ephemera/wire"}), pure: true},
	{folder: "ephemera/transport", imports: leaves},
	{folder: "ephemera/transport/...", imports: join(leaves, kit, []string{"ephemera/limits", "ephemera/transport/..."})},
	{folder: "ephemera/dht", imports: join(leaves, []string{"ephemera/limits", "ephemera/store"})},
	{folder: "ephemera/home", imports: join(leaves, kit, []string{"ephemera/store", "ephemera/store/sqlite"})},
	{folder: "ephemera/internal/daemon/settings", imports: join(leaves, kit)},
	// The daemon puts the parts together. Stores beside SQLite come from the command, so that nobody
	// else links them.
	{folder: "ephemera/internal/daemon/...", imports: join(leaves, core, interfaces, []string{
		"ephemera/api/...", "ephemera/internal/daemon/...", "ephemera/dht", "ephemera/home", "ephemera/limits", "ephemera/provider", "ephemera/kit/...",
		"ephemera/policy", "ephemera/remote", "ephemera/store/sqlite", "ephemera/transport/p2p",
	})},
	// A node's API over HTTP knows the interface and nothing of the node behind it.
	{folder: "ephemera/api", imports: join(leaves, kit)},
	{folder: "ephemera/api/...", imports: join(leaves, kit, []string{"ephemera/api/..."})},
	{folder: "ephemera/api/telemetry", imports: join(leaves, core, interfaces)},
	{folder: "ephemera/internal/apitest", imports: []string{"ephemera/..."}}, // starts whole nodes
	{folder: "ephemera/simulation/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/examples/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/cmd/...", imports: []string{"ephemera/..."}},
	{folder: "ephemera/remote", imports: join(leaves, core, interfaces, kit)},
	{folder: "ephemera/...", imports: join(leaves, core, interfaces)},

	{folder: "contract", imports: join(leaves, kit, []string{"metrics"})},
	{folder: "contract/verify", imports: join(leaves, []string{"metrics", "contract"}), pure: true},
	{folder: "contract/client", imports: join(leaves, []string{"metrics", "contract"})},
	{folder: "contract/...", imports: join(leaves, kit, []string{"metrics/...", "contract/..."})},

	{folder: "nymapi/samples", imports: join(kit, []string{"metrics"})},
	{folder: "nymapi/collector/...", imports: []string{"metrics/...", "contract", "nymapi/collector/...", "nymapi/samples"}},
	{folder: "nymapi/epoch/...", imports: join(leaves, contractFacing, []string{"metrics/...", "nymapi/epoch/..."})},
	{folder: "nymapi/rewards/...", imports: join(
		leaves, core, interfaces, kit, contractFacing,
		[]string{"metrics/...", "nymapi/collector", "nymapi/epoch", "nymapi/rewards/..."},
	)},
	{folder: "nymapi/service/...", imports: join(
		leaves, core, interfaces, adapters, kit, contractFacing,
		[]string{"ephemera/api/client", "ephemera/api/server", "ephemera/api/telemetry", "ephemera/remote", "metrics/...", "nymapi/collector", "nymapi/epoch", "nymapi/rewards", "nymapi/samples", "nymapi/service/..."},
	)},
	{folder: "nymapi/compare/...", imports: join(
		leaves, core, interfaces, adapters, kit, contractFacing,
		[]string{"metrics/...", "contract/server", "nymapi/..."},
	)},
	{folder: "nymapi/simulate/...", imports: join(
		leaves, core, interfaces, kit, contractFacing, []string{"metrics/...", "ephemera/simulation", "nymapi/..."},
	)},
	{folder: "nymapi/cmd/...", imports: join(leaves, interfaces, adapters, kit, contractFacing, []string{"metrics/...", "nymapi/..."})},
	{folder: "nymapi/...", imports: join(leaves, contractFacing, []string{"metrics/..."})},
}

// testRules says what test files may import besides: adapters and test kits, but never against the
// direction of the modules.
var testRules = []rule{
	{folder: "metrics/...", imports: []string{"metrics/..."}},
	{folder: "ephemera/...", imports: []string{"ephemera/..."}},
	{folder: "contract/...", imports: join(leaves, []string{"contract/...", "metrics/..."})},
	{folder: "nymapi/...", imports: []string{"nymapi/...", "contract/...", "ephemera/...", "metrics/..."}},
}

// pureImports is everything that a pure package may import from outside the repository. Package
// time is among them for its types: pureTime says which of its names.
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

// goroutines names what only needs a goroutine or shares one's state; pure packages have none of
// it.
const goroutines = "go statement, select or channel"

// The house rules of all packages.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// vagueNames are package names that say nothing at the call site.
var vagueNames = []string{"common", "core", "helpers", "misc", "shared", "types", "util", "utils"}

func join(lists ...[]string) []string { return slices.Concat(lists...) }
