// Package realstore runs real stores next to the simulated disks of a schedule: SQLite at one node
// and Pebble at another, in a temporary folder. So the search also tries what ships, with the
// crashes, retention and values that schedules draw.
//
// The package is unstable: it is public only because the modules of this repository share it.
package realstore

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/pebble"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/sqlite"
)

// Options returns the options of a schedule: with real stores if it uses real keys, else none. It
// is a function for simulation.Search.
func Options(schedule simulation.Schedule) simulation.Options {
	nodes := schedule.Storable()
	if !schedule.Real || len(nodes) == 0 {
		return simulation.Options{}
	}
	at := int(schedule.Seed % uint64(len(nodes)))
	return simulation.Options{Stores: &stores{
		sqlite: nodes[at], pebble: nodes[(at+1)%len(nodes)], lost: map[int]int{},
	}}
}

// stores is a simulation.Stores.
type stores struct {
	dir            string // "" before the first store
	sqlite, pebble int    // nodes; the same one has SQLite
	lost           map[int]int
}

// Open opens the store of one of the two nodes. A lost store is left where it is, and a new one is
// made next to it.
func (s *stores) Open(node int, fresh bool) (store.Store, error) {
	if node != s.sqlite && node != s.pebble {
		return nil, nil
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "ephemera-search-")
		if err != nil {
			return nil, err
		}
		s.dir = dir
	}
	if fresh {
		s.lost[node]++
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%d-%d", node, s.lost[node]))
	if node == s.sqlite {
		st, err := sqlite.Open(path, nil)
		if err != nil {
			return nil, err
		}
		return st, nil
	}
	st, err := pebble.Open(path, nil)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// Close removes the folder.
func (s *stores) Close() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}
