package window

import "time"

// Full is the value of a measurement in which all packets came back, in millionths.
const Full = 1_000_000

// Node names a measured node.
type Node struct {
	// Role is "mixnode" or "gateway" in the layout of monitor v1, which keeps both in tables of
	// their own, and empty elsewhere.
	Role string `json:"role,omitempty"`
	// Name is the identity key in the layout of monitor v1, and the node ID elsewhere.
	Name string `json:"name"`
}

// String returns the name, after the role if there is one.
func (n Node) String() string {
	if n.Role == "" {
		return n.Name
	}
	return n.Role + " " + n.Name
}

// Measurement is one row of Nym-API's database: one node, measured once by one submitter. Node,
// time and submitter identify it. The numbers of rows and test runs do not, because they start
// again when the database of a submitter is wiped.
type Measurement struct {
	Node      Node
	Submitter string
	Time      time.Time
	Value     int32 // 0..[Full]
	Reachable bool
}
