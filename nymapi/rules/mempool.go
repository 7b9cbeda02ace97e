package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// A report is useful while its epoch may be open, and at least for the difference between the
// clocks of members.
const (
	mempoolEpochs = 8 // longer than the contract keeps an epoch open by default
	mempoolLeast  = time.Minute
)

// Mempool returns bounds for two reports of every member for each epoch for which they are useful,
// so that no quota is exhausted after a long time without a certified block. Duration is that of an
// epoch, members the size of the group, and report the length that ReportBytes returns.
func Mempool(duration time.Duration, members, report int) mempool.Limits {
	const (
		spare = 16 // messages of each member that are not reports
		least = 32 << 20
	)
	ttl := max(mempoolLeast, mempoolEpochs*duration)
	perSender := 2*int(ttl/duration+1) + spare
	messages := perSender * members
	return mempool.Limits{
		TTL: ttl, PerSender: perSender, Messages: messages, Bytes: max(least, messages/2*(report+block.MaxMessageOverhead)),
	}
}

// ReportBytes returns the length of the longest report about the mixnodes.
func ReportBytes(mixnodes []metrics.MixID) (int, error) {
	report, err := metrics.Report{Mixnodes: mixnodes, Values: slices.Repeat([]metrics.Uptime{metrics.Full}, len(mixnodes))}.Encode()
	if err != nil {
		return 0, fmt.Errorf("length of a report: %w", err)
	}
	return len(report), nil
}
