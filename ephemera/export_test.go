package ephemera

import "time"

// SetWall replaces the machine's wall clock. It is called before Run.
func (n *Node) SetWall(wall func() time.Time) { n.clock.wall = wall }

// Signatures returns how many signatures in frames the node has checked, and how many it knew.
func (n *Node) Signatures() (checked, known uint64) {
	return n.gate.checked.Load(), n.gate.known.Load()
}
