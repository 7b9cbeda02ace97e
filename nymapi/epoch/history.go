package epoch

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// maxHistory is the number of epochs that are remembered.
const maxHistory = 64

// maxWanted bounds the number of requested epochs.
const maxWanted = 16

// Entry is what is known about one epoch.
type Entry struct {
	Description contract.Description
	Hash        contract.Hash // of the description
	Status      contract.Status
	Winner      *contract.Winner // nil unless rewarded
	Reason      string           // why it was missed
}

// Over reports whether the epoch's window has ended at now, in contract time.
func (e Entry) Over(now contract.Millis) bool { return now >= e.Description.End }

// Settled reports whether the epoch has a winner or was missed.
func (e Entry) Settled() bool { return e.Status != contract.StatusOpen }

// history holds the newest epochs. It is not safe for concurrent use.
type history struct {
	entries []Entry // ascending by epoch
	wanted  map[contract.Epoch]bool
}

func (h *history) find(id contract.Epoch) (int, bool) {
	return slices.BinarySearchFunc(h.entries, id, func(e Entry, id contract.Epoch) int { return cmp.Compare(e.Description.Epoch, id) })
}

func (h *history) byHash(hash contract.Hash) (contract.Description, bool) {
	for i := range h.entries {
		if h.entries[i].Hash == hash {
			return h.entries[i].Description, true
		}
	}
	return contract.Description{}, false
}

func (h *history) newest() (Entry, bool) {
	if len(h.entries) == 0 {
		return Entry{}, false
	}
	return h.entries[len(h.entries)-1], true
}

// add adds an epoch with its description, and reports whether it was unknown. Descriptions with
// equal lists of mixnodes share one list.
func (h *history) add(d contract.Description, hash contract.Hash) bool {
	delete(h.wanted, d.Epoch)
	i, known := h.find(d.Epoch)
	if known {
		return false
	}
	if newest, ok := h.newest(); ok && slices.Equal(newest.Description.Mixnodes, d.Mixnodes) {
		d.Mixnodes = newest.Description.Mixnodes
	}
	h.entries = slices.Insert(h.entries, i, Entry{Description: d, Hash: hash, Status: contract.StatusOpen})
	if len(h.entries) > maxHistory { // drop the oldest, unless it is the one that was just added
		oldest := 0
		if i == 0 {
			oldest = 1
		}
		h.entries = slices.Delete(h.entries, oldest, oldest+1)
	}
	return true
}

// settle records how an epoch ended, and reports whether that was unknown.
func (h *history) settle(s contract.EpochSummary) bool {
	i, known := h.find(s.ID)
	if !known || s.Status == contract.StatusOpen || h.entries[i].Settled() {
		return false
	}
	h.entries[i].Status, h.entries[i].Winner, h.entries[i].Reason = s.Status, s.Winner, s.Reason
	return true
}

// trim drops epochs that look open but are so old that the contract is no longer asked about them.
func (h *history) trim(newest contract.Epoch) {
	h.entries = slices.DeleteFunc(h.entries, func(e Entry) bool {
		return !e.Settled() && e.Description.Epoch+maxHistory <= newest
	})
}

// want requests an epoch, and reports whether the request is new. Epochs that have not begun are
// ignored: they are learnt when they begin.
func (h *history) want(id contract.Epoch) bool {
	newest, ok := h.newest()
	if _, known := h.find(id); known || !ok || id == 0 || id > newest.Description.Epoch || h.wanted[id] || len(h.wanted) >= maxWanted {
		return false
	}
	if h.wanted == nil {
		h.wanted = map[contract.Epoch]bool{}
	}
	h.wanted[id] = true
	return true
}

// unsure returns the lowest epoch up to newest about which the contract's list of epochs may have
// new information: an epoch that is over at now and not known to be settled, or an unknown epoch.
// It returns 0 if there is no such epoch. Listed is the newest epoch of the last list; epochs
// missing from the history at that time are settled and not needed.
func (h *history) unsure(now contract.Millis, newest, listed contract.Epoch) contract.Epoch {
	for _, e := range h.entries {
		if e.Over(now) && !e.Settled() {
			return e.Description.Epoch
		}
	}
	if newest <= 1 || newest == listed {
		return 0
	}
	i, _ := h.find(newest)
	switch {
	case i == 0:
		return 1
	case h.entries[i-1].Description.Epoch < newest-1:
		return h.entries[i-1].Description.Epoch + 1
	}
	return 0
}
