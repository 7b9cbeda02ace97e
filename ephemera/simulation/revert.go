package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// syncedState is a member's files as they were after a commit: the disk, and the marker and counter
// next to it.
type syncedState struct {
	disk  *disk
	files files
}

// files are what a member keeps outside its store: the marker and the counter of votes (R8). Every
// write is synced.
type files struct {
	starts, group uint64
	votes         uint64
}

// keptStates bounds how far back a disk can be reverted, in commits.
const keptStates = 12

// remember keeps the synced state after a commit, if the schedule will revert this node's disk.
func (n *node) remember() {
	if !n.reverts {
		return
	}
	if len(n.states) == keptStates {
		n.states = slices.Delete(n.states, 0, 1)
	}
	n.states = append(n.states, syncedState{n.disk.snapshot(), n.files})
}

// revert stops a node and sets its disk back by some commits: the disk had acknowledged them, and
// lost them. With all, marker and counter are set back with it. Nobody can notice that at the node,
// so it counts as Byzantine from then on.
func (w *world) revert(n *node, f Fault) {
	if len(n.states) == 0 {
		return
	}
	state := n.states[max(0, len(n.states)-1-max(f.Step, 1))]
	w.replaceStore(n, state.disk.snapshot(), f.For)
	n.states = nil
	w.check.reverted(n)
	if f.Kind == RevertAll {
		n.files = state.files
		n.becomeForgetful()
	}
}

// becomeForgetful makes a node Byzantine that acts like a correct one, except that it does not know
// what it signed.
func (n *node) becomeForgetful() {
	n.byzantine = &byzantine{node: n, adversary: forgetful{}, rng: random{state: hash(n.w.schedule.Seed, 22, uint64(n.place))}}
	n.w.check.forgets(n)
}

// forgetful is the adversary of a member whose whole folder was reverted.
type forgetful struct{ honest }

// votesIn returns how many votes are on a disk.
func (d *disk) votesIn() (count int) {
	for i := range d.groups {
		for j := range d.groups[i].chains {
			count += len(d.groups[i].chains[j].votes)
		}
	}
	return count
}

// lostVotes reports whether the store is behind the marker or the counter (R8).
func (n *node) lostVotes() bool {
	return n.disk.starts < n.files.starts || n.disk.votes < n.files.votes
}

// countVote makes a vote count outside the store, after the store and before the signature.
func (n *node) countVote(w store.Write) {
	if vote, ok := w.(store.PutVote); ok {
		n.files.votes++
		if !vote.Again {
			n.w.check.nodes[n.place].votes++
		}
	}
}
