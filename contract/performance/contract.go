package performance

import (
	"math"
	"slices"
)

// Identifiers of the contract.
type (
	// Address is the account of a monitor or an admin.
	Address string
	// NodeID is the number of a node in the mixnet contract.
	NodeID uint32
	// EpochID is the number of an epoch of the mixnet contract.
	EpochID uint32
)

// LastEpoch is the largest number of a current epoch: the weights for the next one still have a
// number.
const LastEpoch EpochID = math.MaxUint32 - 1

// A Status is that of the current epoch in the mixnet contract.
type Status string

// The statuses. Only an epoch in progress takes submissions; the others make up its transition.
const (
	InProgress        Status = "InProgress"
	Rewarding         Status = "Rewarding"
	ReconcilingEvents Status = "ReconcilingEvents"
	RoleAssignment    Status = "RoleAssignment"
)

// A Cursor is the last epoch and node that a monitor submitted.
type Cursor struct {
	Epoch EpochID
	Node  NodeID
}

// A Contract is the state of the performance contract, with what it reads of the mixnet contract:
// the current epoch, its status, and which nodes are bonded. It keeps every bundle that its admin
// does not remove.
type Contract struct {
	admin    Address
	epoch    EpochID
	status   Status
	bonded   map[NodeID]bool
	cursors  map[Address]Cursor // of the authorised monitors
	weights  []EpochWeights     // ascending by epoch
	bundles  map[EpochID]map[NodeID]*Bundle
	pointers map[NodeID]EpochID // the newest epoch in which the node ever had a bundle
}

// A Start is what a contract begins with.
type Start struct {
	Admin    Address
	Epoch    EpochID // current epoch, at most [LastEpoch]; it is in progress
	Monitors []Address
	Weights  Weights // in force since this epoch
	Bonded   []NodeID
}

// New returns a new contract. The error is a [Refusal]: of weights that do not sum to 1, or of a
// monitor that is listed twice.
func New(start Start) (*Contract, error) {
	if err := start.Weights.check(); err != nil {
		return nil, err
	}
	c := &Contract{
		admin: start.Admin, epoch: min(start.Epoch, LastEpoch), status: InProgress,
		bonded: map[NodeID]bool{}, cursors: map[Address]Cursor{},
		bundles: map[EpochID]map[NodeID]*Bundle{}, pointers: map[NodeID]EpochID{},
	}
	c.weights = []EpochWeights{{EffectiveFrom: c.epoch, Weights: start.Weights}}
	for _, node := range start.Bonded {
		c.Bond(node)
	}
	for _, monitor := range start.Monitors {
		if err := c.Authorise(start.Admin, monitor); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Advance begins a later epoch, which is in progress. It stops at [LastEpoch].
func (c *Contract) Advance(epochs uint32) {
	c.epoch += min(EpochID(epochs), LastEpoch-c.epoch)
	c.status = InProgress
}

// SetStatus sets the status of the current epoch.
func (c *Contract) SetStatus(status Status) { c.status = status }

// Bond adds a node of the mixnet.
func (c *Contract) Bond(node NodeID) { c.bonded[node] = true }

// Unbond removes a node of the mixnet. Its bundles remain.
func (c *Contract) Unbond(node NodeID) { delete(c.bonded, node) }

// Authorise lets a monitor submit. Its cursor is node 0 of the current epoch, even if it was
// authorised before: a monitor that the admin retires and authorises again within an epoch counts
// twice in it.
func (c *Contract) Authorise(sender, monitor Address) error {
	if err := c.checkAdmin(sender); err != nil {
		return err
	}
	if _, known := c.cursors[monitor]; known {
		return &Refusal{Reason: AlreadyAuthorised, Address: monitor}
	}
	c.cursors[monitor] = Cursor{Epoch: c.epoch}
	return nil
}

// Retire ends the authorisation of a monitor. What it submitted remains.
func (c *Contract) Retire(sender, monitor Address) error {
	if err := c.checkAdmin(sender); err != nil {
		return err
	}
	if err := c.checkAuthorised(monitor); err != nil {
		return err
	}
	delete(c.cursors, monitor)
	return nil
}

// UpdateAdmin makes another account the admin.
func (c *Contract) UpdateAdmin(sender, admin Address) error {
	if err := c.checkAdmin(sender); err != nil {
		return err
	}
	c.admin = admin
	return nil
}

// UpdateWeights sets the weights from the next epoch on, and returns its number. The later of two
// updates in an epoch counts.
func (c *Contract) UpdateWeights(sender Address, weights Weights) (EpochID, error) {
	if err := c.checkAdmin(sender); err != nil {
		return 0, err
	}
	if err := weights.check(); err != nil {
		return 0, err
	}
	next := EpochWeights{EffectiveFrom: c.epoch + 1, Weights: weights}
	if last := len(c.weights) - 1; c.weights[last].EffectiveFrom == next.EffectiveFrom {
		c.weights = c.weights[:last]
	}
	c.weights = append(c.weights, next)
	return next.EffectiveFrom, nil
}

// RemoveNode removes the bundle of a node, if there is one. The pointer of the node remains.
func (c *Contract) RemoveNode(sender Address, epoch EpochID, node NodeID) error {
	if err := c.checkAdmin(sender); err != nil {
		return err
	}
	delete(c.bundles[epoch], node)
	return nil
}

// RemoveEpoch removes all bundles of an epoch. The pointers of the nodes remain.
func (c *Contract) RemoveEpoch(sender Address, epoch EpochID) error {
	if err := c.checkAdmin(sender); err != nil {
		return err
	}
	delete(c.bundles, epoch)
	return nil
}

// Cursor returns the cursor of a monitor, and false if it is not authorised.
func (c *Contract) Cursor(monitor Address) (Cursor, bool) {
	cursor, authorised := c.cursors[monitor]
	return cursor, authorised
}

// WeightsAt returns the weights in force in an epoch, and false before the contract's first one.
func (c *Contract) WeightsAt(epoch EpochID) (EpochWeights, bool) {
	for _, w := range slices.Backward(c.weights) {
		if w.EffectiveFrom <= epoch {
			return w, true
		}
	}
	return EpochWeights{}, false
}

func (c *Contract) checkAdmin(sender Address) error {
	if sender != c.admin {
		return &Refusal{Reason: NotAdmin}
	}
	return nil
}

func (c *Contract) checkAuthorised(monitor Address) error {
	if _, authorised := c.cursors[monitor]; !authorised {
		return &Refusal{Reason: NotAuthorised, Address: monitor}
	}
	return nil
}
