package ephemera

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// SetFreeSpace replaces the measurement of the disk. It is called before Run.
func (n *Node) SetFreeSpace(measure func(string) (free, total int64, err error)) {
	n.freeSpace = measure
}

// SetWall replaces the machine's wall clock. It is called before Run.
func (n *Node) SetWall(wall func() time.Time) { n.clock.wall = wall }

// Thresholds returns the thresholds for a disk of this size.
func (d Disk) Thresholds(group *membership.Group, total int64) (low, critical int64) {
	return d.thresholds(group, total)
}

// Signatures returns how many signatures in frames the node has checked, and how many it knew.
func (n *Node) Signatures() (checked, known uint64) {
	return n.gate.checked.Load(), n.gate.known.Load()
}
