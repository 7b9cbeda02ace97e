package ephemera_test

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

var printParts = flag.Bool("parts", false, "print where the CPU time of a benchmarked round goes")

// part is one kind of work in a CPU profile: the functions with one of these prefixes, and what
// they call that belongs to no part of its own.
type part struct {
	name     string
	prefixes []string
}

const project = "github.com/ephemera-go/nym-rewarding/ephemera"

// parts are the kinds of work. A sample belongs to the part of its innermost function that belongs
// to any, so that a system call or a copy counts for its caller. Of two prefixes of one function,
// that in the earlier part counts.
var parts = []part{
	{"signatures", []string{"github.com/oasisprotocol/curve25519-voi/", "crypto/ed25519.", "crypto/internal/fips140/ed25519."}},
	{"store: SQLite", []string{"github.com/mattn/go-sqlite3.", "database/sql", "github.com/jmoiron/sqlx", project + "/store"}},
	{"count of votes", []string{project + "/home."}},
	{"GossipSub", []string{"github.com/libp2p/go-libp2p-pubsub"}},
	{"connections: TCP, Noise, yamux", []string{
		"github.com/libp2p/", "github.com/flynn/noise", "golang.org/x/crypto/chacha20", "github.com/quic-go/", "github.com/multiformats/",
		"internal/poll.", "net.", project + "/transport",
	}},
	{"encoding, decoding, hashing", []string{
		"github.com/fxamacker/cbor", "github.com/transparency-dev/merkle", "google.golang.org/protobuf", "crypto/sha256.",
		"crypto/internal/fips140/sha256.", project + "/wire", project + "/canonical", project + "/block", project + "/certificate",
	}},
	{"engine", []string{project + "/internal/", project + "/mempool"}},
	{"runner and admission", []string{project + ".", project + "/admission"}},
	{"garbage collection", []string{"runtime.gc", "runtime.bgsweep", "runtime.bgscavenge"}},
	{"benchmark", []string{project + "_test."}},
}

// otherPart holds the samples of no part: above all the scheduler.
const otherPart = "scheduler and other"

func partOf(function string) int {
	return slices.IndexFunc(parts, func(p part) bool {
		return slices.ContainsFunc(p.prefixes, func(prefix string) bool { return strings.HasPrefix(function, prefix) })
	})
}

// sharesOf returns the share of each part in a CPU profile, and that of the other samples last.
func sharesOf(p *profile.Profile) []float64 {
	shares := make([]float64, len(parts)+1)
	total := 0.0
	for _, sample := range p.Sample {
		at := len(parts)
	search:
		for _, location := range sample.Location { // the innermost first
			for _, line := range location.Line {
				if i := partOf(line.Function.Name); i >= 0 {
					at = i
					break search
				}
			}
		}
		shares[at] += float64(sample.Value[1])
		total += float64(sample.Value[1])
	}
	for i := range shares {
		shares[i] /= max(total, 1)
	}
	return shares
}

// reportParts prints the shares of a profile, and the time of each part in a round at one node.
func reportParts(tb testing.TB, data *bytes.Buffer, cpuMS float64) {
	parsed, err := profile.Parse(data)
	require.NoError(tb, err)
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for i, share := range sharesOf(parsed) {
		name := otherPart
		if i < len(parts) {
			name = parts[i].name
		}
		fmt.Fprintf(table, "%s\t%.1f %%\t%.2f ms\n", name, 100*share, share*cpuMS)
	}
	require.NoError(tb, table.Flush())
	tb.Logf("where the CPU time of a round goes, and how much of it at each node:\n%s", text.String())
}

// reportKinds prints how many direct frames of each kind a node sent in a round, given those of all
// nodes before and after some rounds.
func reportKinds(tb testing.TB, before, after [1 << 8]uint64, rounds float64) {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	for kind := range after {
		if count := after[kind] - before[kind]; count > 0 {
			fmt.Fprintf(table, "%s\t%.1f\t\n", wire.Kind(kind), float64(count)/rounds)
		}
	}
	require.NoError(tb, table.Flush())
	tb.Logf("direct frames that a node sends in a round:\n%s", text.String())
}
