package performance

// LookBack is how many epochs before an epoch its rewards may look for a bundle.
const LookBack = 24

// Inputs are what an epoch pays a node, and why.
type Inputs struct {
	Found   bool    // whether there is a bundle that counts
	Source  EpochID // the epoch of this bundle
	Medians Values  // of this bundle

	Weighted bool // whether there are weights in force
	Weights  EpochWeights

	Score Percent // Absent without a bundle, without weights, or if no kind counts
}

// Inputs returns what an epoch pays a node: the score of the bundle that counts, by the weights of
// this epoch. Repeated calls return the same once the epoch's transition has begun, unless the
// admin removes bundles. Requirement "RewardingInputs resolves a bundle deterministically with
// per-bundle fallback".
func (c *Contract) Inputs(epoch EpochID, node NodeID) Inputs {
	in := Inputs{Medians: NoValues(), Score: Absent}
	in.Weights, in.Weighted = c.WeightsAt(epoch)
	in.Source, in.Found = c.source(epoch, node)
	if !in.Found {
		return in
	}
	in.Medians = c.bundles[in.Source][node].Medians()
	if in.Weighted {
		in.Score = in.Weights.Weights.Score(in.Medians)
	}
	return in
}

// source returns the epoch whose bundle counts for an epoch. If the newest bundle that the node
// ever had is not later than this epoch, no older one counts, even if the admin removed the newest.
func (c *Contract) source(epoch EpochID, node NodeID) (EpochID, bool) {
	if c.has(epoch, node) {
		return epoch, true
	}
	newest, known := c.pointers[node]
	if !known {
		return 0, false
	}
	oldest := epoch - min(epoch, LookBack)
	if newest <= epoch {
		return newest, newest >= oldest && c.has(newest, node)
	}
	for e := epoch; e > oldest; e-- {
		if c.has(e-1, node) {
			return e - 1, true
		}
	}
	return 0, false
}

func (c *Contract) has(epoch EpochID, node NodeID) bool {
	return c.bundles[epoch][node] != nil
}

// Bundle returns a copy of the bundle of a node in exactly this epoch, and false if not found.
func (c *Contract) Bundle(epoch EpochID, node NodeID) (Bundle, bool) {
	bundle := c.bundles[epoch][node]
	if bundle == nil {
		return Bundle{}, false
	}
	return bundle.clone(), true
}

// Pointer returns the newest epoch in which a node ever had a bundle, and false if it never had
// one. It remains when the admin removes the bundle.
func (c *Contract) Pointer(node NodeID) (EpochID, bool) {
	epoch, known := c.pointers[node]
	return epoch, known
}
