package ephemera

import "time"

// SetWall replaces the machine's wall clock. It is called before Run.
func (n *Node) SetWall(wall func() time.Time) { n.clock.wall = wall }
