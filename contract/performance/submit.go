package performance

// An Entry is what a monitor submits of one node.
type Entry struct {
	Node   NodeID
	Values Values
}

// Batched is the outcome of an accepted batch.
type Batched struct {
	Accepted  int      // entries of bonded nodes
	NotBonded []NodeID // nodes that were skipped
}

// Submit stores what a monitor measured of one node. The checks stop at the first failure, in the
// order of the requirement "Submissions are validated in a fixed order": sender, epoch, status,
// cursor, values, bond.
func (c *Contract) Submit(sender Address, epoch EpochID, entry Entry) error {
	if err := c.checkWritable(sender, epoch); err != nil {
		return err
	}
	if err := c.checkCursor(sender, epoch, entry.Node); err != nil {
		return err
	}
	if entry.Values.Empty() {
		return &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}
	}
	if !c.bonded[entry.Node] {
		return &Refusal{Reason: NodeNotBonded, Node: entry.Node}
	}
	c.insert(entry)
	c.cursors[sender] = Cursor{Epoch: epoch, Node: entry.Node}
	return nil
}

// Batch stores what a monitor measured of several nodes, which must ascend. It checks sender, epoch
// and status, the cursor against the first node, and then each entry: its values, its place. A
// batch with a bad entry is refused whole. Nodes that are not bonded are skipped, but the cursor
// moves past them, too.
//
// A batch without entries stores nothing, moves no cursor and is accepted, if it passes the checks
// of sender, epoch and status. The specification leaves its place among the checks open. It is here
// because the next check needs a first node, and because the contract's source does the same
// (contracts/performance/src/storage.rs).
func (c *Contract) Batch(sender Address, epoch EpochID, entries []Entry) (Batched, error) {
	if err := c.checkWritable(sender, epoch); err != nil {
		return Batched{}, err
	}
	if len(entries) == 0 {
		return Batched{}, nil
	}
	if err := c.checkCursor(sender, epoch, entries[0].Node); err != nil {
		return Batched{}, err
	}
	if err := checkEntries(entries); err != nil {
		return Batched{}, err
	}
	var done Batched
	for _, entry := range entries {
		if !c.bonded[entry.Node] {
			done.NotBonded = append(done.NotBonded, entry.Node)
			continue
		}
		c.insert(entry)
		done.Accepted++
	}
	c.cursors[sender] = Cursor{Epoch: epoch, Node: entries[len(entries)-1].Node}
	return done, nil
}

// checkWritable checks what does not depend on nodes.
func (c *Contract) checkWritable(sender Address, epoch EpochID) error {
	if err := c.checkAuthorised(sender); err != nil {
		return err
	}
	if epoch != c.epoch {
		return &Refusal{Reason: EpochNotCurrent, Epoch: epoch, Current: c.epoch}
	}
	if c.status != InProgress {
		return &Refusal{Reason: EpochInTransition, Epoch: epoch}
	}
	return nil
}

// checkCursor refuses what is not after the monitor's last submission. Requirement "The per-monitor
// cursor prevents resubmission and out-of-order submission within an epoch".
func (c *Contract) checkCursor(sender Address, epoch EpochID, node NodeID) error {
	last := c.cursors[sender]
	if epoch < last.Epoch || epoch == last.Epoch && node <= last.Node {
		return &Refusal{Reason: StaleSubmission, Epoch: epoch, Node: node, Last: last}
	}
	return nil
}

func checkEntries(entries []Entry) error {
	for i, entry := range entries {
		if entry.Values.Empty() {
			return &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}
		}
		if i > 0 && entry.Node <= entries[i-1].Node {
			return &Refusal{Reason: UnsortedBatch}
		}
	}
	return nil
}

// insert adds an entry to its bundle. The pointer moves with the bundle's first entry. Requirement
// "A per-node last-known-epoch pointer is written when a bundle is created".
func (c *Contract) insert(entry Entry) {
	nodes := c.bundles[c.epoch]
	if nodes == nil {
		nodes = map[NodeID]*Bundle{}
		c.bundles[c.epoch] = nodes
	}
	bundle := nodes[entry.Node]
	if bundle == nil {
		bundle = &Bundle{}
		nodes[entry.Node] = bundle
		c.pointers[entry.Node] = c.epoch
	}
	bundle.Insert(entry.Values)
}
