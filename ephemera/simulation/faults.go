package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
)

// startFault begins a fault. No fault begins after Heal. New groups, wakes, retention and rot are
// not faults of the protocol and happen at any time.
func (w *world) faultStart(index int) {
	f := w.schedule.Faults[index]
	n := w.nodes[f.Node]
	w.trace.add(w.now, 's', f.Node, index, 0)
	switch f.Kind {
	case WakeAll:
		for _, n := range w.nodes {
			if n.up {
				n.step(engine.Wake{})
			}
		}
		return
	case CloseOld:
		w.closeOld(n)
		return
	case Pile:
		w.pileUp(n, index, f.Step)
		return
	case Rot:
		w.rot(n, index)
		return
	case Prune:
		if n.up {
			n.disk.prune(uint64(f.Step), func(slot block.Slot) { w.check.pruned(n, slot) })
			n.twin.prune(uint64(f.Step))
		}
		return
	case PruneAge:
		if n.up {
			n.useDisk()
			n.disk.pruneOlder(f.Age, func(slot block.Slot) {
				w.check.prunedByAge(n, slot, f.Age)
				w.check.pruned(n, slot)
			})
		}
		return
	case StepClock:
		n.ahead += f.Ahead
		w.trace.printf(w.now, "the clock of %d is set by %d ms", f.Node, f.Ahead)
		n.step(engine.Tick{})
		return
	}
	if w.healed() {
		return
	}
	switch f.Kind {
	case Hang:
		w.hang(n, f, index)
	case Crash:
		if n.up {
			n.crash(f.For)
		}
	case DiskFails:
		n.failing, n.failsLate = max(f.For, 1), f.Step > 0
	case LoseStore:
		w.replaceStore(n, newDisk(), f.For)
	case Restore:
		w.replaceStore(n, n.copies[0].snapshot(), f.For)
	case FillDisk:
		w.fillDisk(n, f)
	case Revert, RevertAll:
		w.revert(n, f)
	case Partition:
		w.cuts = append(w.cuts, f)
		w.queue.push(min(w.now+f.For*1000, w.schedule.Heal*1000), task{kind: recovery, index: int32(index)})
	}
}

// rot damages a body on a correct node's disk.
func (w *world) rot(n *node, index int) {
	if n.byzantine != nil {
		return
	}
	if slot, ok := n.disk.rot(hash(w.schedule.Seed, 13, uint64(index))); ok {
		w.trace.add(w.now, 'o', n.place, w.places[slot.Creator], slot.Height)
		w.trace.printf(w.now, "a body of %s rots on the disk of %d", w.slot(slot), n.place)
	}
}

// replaceStore stops a node, gives it another disk, and starts it again later.
func (w *world) replaceStore(n *node, d *disk, away int64) {
	wasUp := n.up
	if wasUp {
		n.down()
	}
	n.disk, n.diskLost, n.reverted = d, true, true
	if wasUp {
		w.queue.push(w.now+max(away, 1)*1000, task{kind: recovery, to: int32(n.place), incarnation: n.incarnation, index: -1})
	}
}

// closeOld closes a node's old groups: its application does not need them any more (R9).
func (w *world) closeOld(n *node) {
	if !n.up {
		return
	}
	for _, g := range w.groups[:max(n.knownGroups-1, 0)] {
		n.step(engine.Close{Group: g.ID()})
	}
}

// endFault ends a fault: a partition heals, or a node starts again.
func (w *world) endFault(o task) {
	if o.index >= 0 {
		f := w.schedule.Faults[o.index]
		switch f.Kind {
		case FillDisk:
			w.checkDisk(w.nodes[f.Node])
			return
		case Hang:
			w.nodes[f.Node].step(engine.Wake{})
			return
		}
		for i := range w.cuts {
			if w.cuts[i].At == f.At && slices.Equal(w.cuts[i].Nodes, f.Nodes) {
				w.cuts = slices.Delete(w.cuts, i, i+1)
				break
			}
		}
		if w.schedule.Connect {
			for _, n := range w.nodes {
				if n.up && contains(f.Nodes, n.place) {
					n.connectAll()
				}
			}
		}
		return
	}
	if n := w.nodes[o.to]; !n.up && n.incarnation == o.incarnation {
		n.start()
	}
}
