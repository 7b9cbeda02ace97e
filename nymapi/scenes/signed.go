package scenes

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

const network = "scene"

// members are Nym-APIs that sign their reports, for scenes about which reports count.
type members struct {
	group *membership.Group
	keys  []keys.Private // by Nym-API, from 0
}

// newMembers returns Nym-APIs with keys of fixed seeds.
func newMembers() (members, error) {
	var m members
	var public []keys.Public
	for i := range nymAPIs {
		key := keys.FromSeed([32]byte{'s', 'c', 'e', 'n', 'e', byte(i)})
		m.keys, public = append(m.keys, key), append(public, key.Public())
	}
	var err error
	m.group, err = membership.NewGroup(network, 1, public, membership.Limits{})
	return m, err
}

// names returns the names of that many mixnodes.
func names(count int) []metrics.MixID {
	ids := make([]metrics.MixID, count)
	for j := range ids {
		ids[j] = metrics.MixID(fmt.Sprintf("m%03d", j+1))
	}
	return ids
}

// describe returns what the contract fixes about an epoch when it begins.
func (m members) describe(epoch int) contract.Description {
	const hour = 3_600_000
	median := estimator("median")
	return contract.Description{
		Version: contract.DescriptionVersion, Network: network, ContractKey: keys.FromSeed([32]byte{'c'}).Public(),
		Epoch: contract.Epoch(epoch), Start: contract.Millis(epoch) * hour, End: contract.Millis(epoch+1) * hour,
		Group: m.group, Mixnodes: names(mixnodes),
		Rules: contract.Rules{
			Estimator: median.Name(), Version: median.Version(), Coverage: uint16(metrics.Coverage(faulty())),
			CarryLimit: 3, Mode: contract.ModeFull,
		},
	}
}

// sign returns a report about an epoch as a message, with any list of mixnodes.
func (m members) sign(nymAPI int, d contract.Description, list []metrics.MixID, row []metrics.Uptime) (block.Message, error) {
	payload, err := metrics.Report{Description: d.Hash(), Mixnodes: list, Values: row}.Encode()
	if err != nil {
		return block.Message{}, err
	}
	return block.NewMessage(m.keys[nymAPI-1], network, d.Label(), payload, int64(d.End))
}

// matrix returns what counts of messages in a block, by the rule of the contract.
func (m members) matrix(d contract.Description, messages []block.Message) (metrics.Matrix, error) {
	matrix, _, err := verify.Matrix(block.New(m.group, m.keys[0].Public(), 1, block.ID{}, int64(d.End), messages), d)
	return matrix, err
}

// newContract returns Nym's performance contract in epoch 0, with all Nym-APIs as monitors and all
// mixnodes bonded. Mixnode j is node j+1.
func newContract() (*performance.Contract, error) {
	start := performance.Start{Admin: admin, Weights: performance.LivenessOnly()}
	for i := range nymAPIs {
		start.Monitors = append(start.Monitors, monitor(i+1))
	}
	for j := range mixnodes {
		start.Bonded = append(start.Bonded, performance.NodeID(j+1))
	}
	return performance.New(start)
}

const admin performance.Address = "admin"

func monitor(nymAPI int) performance.Address {
	return performance.Address(fmt.Sprintf("nymapi-%d", nymAPI))
}

// batch returns a report as a monitor submits it.
func batch(row []metrics.Uptime) []performance.Entry {
	var entries []performance.Entry
	for j, value := range row {
		if value != metrics.Missing {
			values := performance.Values{performance.PercentOf(value), performance.Absent, performance.Full}
			entries = append(entries, performance.Entry{Node: performance.NodeID(j + 1), Values: values})
		}
	}
	return entries
}
