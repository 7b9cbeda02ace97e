package compare

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// blockRange is what the certified blocks of one epoch would have paid: for each mixnode the
// smallest and the largest value, and whether some block has too few reports for a value.
type blockRange struct {
	blocks  int
	columns []columnRange
}

type columnRange struct {
	low, high metrics.Uptime // Missing if no block has a value
	gap       bool           // some block has none
}

// add adds the result of another block.
func (b *blockRange) add(values []metrics.Uptime) {
	if b.columns == nil {
		b.columns = make([]columnRange, len(values))
		for i := range b.columns {
			b.columns[i] = columnRange{low: metrics.Missing, high: metrics.Missing}
		}
	}
	b.blocks++
	for i, value := range values {
		c := &b.columns[i]
		switch {
		case value == metrics.Missing:
			c.gap = true
		case c.low == metrics.Missing:
			c.low, c.high = value, value
		default:
			c.low, c.high = min(c.low, value), max(c.high, value)
		}
	}
}

// spread returns the largest difference between what two of the blocks would have paid a mixnode,
// in points. A block without a value pays the carried one, and without that nothing. It is nil
// without a block.
func (b *blockRange) spread(carried []contract.Reward) *float64 {
	if b.blocks == 0 {
		return nil
	}
	widest := 0.0
	for i, c := range b.columns {
		low, present := c.low.Points()
		high, _ := c.high.Points()
		if c.gap {
			instead, _ := carried[i].Value.Points() // 0 if nothing is carried
			if !present {
				low, high = instead, instead
			}
			low, high = min(low, instead), max(high, instead)
		}
		widest = max(widest, high-low)
	}
	return &widest
}

// EpochSpread is how much the choice of the winner could matter in an epoch.
type EpochSpread struct {
	Epoch  int64    `json:"epoch"`  // with a trace, the number in the file
	Blocks int      `json:"blocks"` // certified blocks of the epoch that any Nym-API holds
	Spread *float64 `json:"spread"` // largest difference between what they would have paid, in points
}

// spreads returns the spread of each epoch, and the largest of all.
func (p *Plan) spreads(records []Record) (list []EpochSpread, largest *float64) {
	list = []EpochSpread{}
	values := verify.Values{}
	for i, record := range records {
		d := contract.Description{Epoch: contract.Epoch(i + 1), Rules: contract.Rules{CarryLimit: carryEpochs}}
		mixnodes := p.input.mixnodes()
		nothing := metrics.Result{Mixnodes: mixnodes, Values: make([]metrics.Uptime, len(mixnodes)), Reports: make([]uint16, len(mixnodes))}
		for i := range nothing.Values {
			nothing.Values[i] = metrics.Missing
		}
		one := EpochSpread{Epoch: p.input.name(i + 1), Blocks: record.blocks.blocks, Spread: record.blocks.spread(values.Fill(d, nothing))}
		list = append(list, one)
		if one.Spread != nil && (largest == nil || *one.Spread > *largest) {
			largest = one.Spread
		}
		values.Learn(d.Epoch, fresh(record))
	}
	return list, largest
}

// fresh returns what a record paid without carried values.
func fresh(record Record) metrics.Result {
	var result metrics.Result
	for _, reward := range record.Detail.Result {
		if reward.CarriedFrom == 0 {
			result.Mixnodes, result.Values = append(result.Mixnodes, reward.Mixnode), append(result.Values, reward.Value)
		}
	}
	return result
}

// addBlock adds a certified block to the record of its epoch, if it is one of an epoch.
func addBlock(b block.Block, records []Record) error {
	for _, message := range b.Messages {
		epoch, err := contract.ParseLabel(message.Label())
		if err != nil || uint64(epoch) > uint64(len(records)) {
			continue
		}
		record := &records[epoch-1]
		matrix, _, err := verify.Matrix(b, record.Detail.Description)
		if err != nil {
			return nil // not a block of this epoch
		}
		result, err := verify.Result(matrix, record.Detail.Description)
		if err != nil {
			return err
		}
		record.blocks.add(result.Values)
		if lacksMatrix(*record) {
			record.Matrix = &matrix
		}
		return nil
	}
	return nil
}
