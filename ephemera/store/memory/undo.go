package memory

import "slices"

// undo holds what reverts each change of a commit.
type undo []func()

// run reverts the commit, newest change first.
func (u undo) run() {
	for _, step := range slices.Backward(u) {
		step()
	}
}

// put sets m[k] and adds to u what reverts it.
func put[K comparable, V any](u *undo, m map[K]V, k K, v V) {
	old, existed := m[k]
	*u = append(*u, func() {
		if existed {
			m[k] = old
		} else {
			delete(m, k)
		}
	})
	m[k] = v
}
