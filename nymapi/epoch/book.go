package epoch

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// history is how many epochs below the newest are remembered.
const history = 64

// maxWanted bounds the epochs that wait to be fetched.
const maxWanted = 16

// Entry is what is known of one epoch.
type Entry struct {
	Description contract.Description
	Hash        contract.Hash // of the description
	Status      contract.Status
	Winner      *contract.Winner // nil unless rewarded
	Reason      string           // why it was missed
}

// Over tells whether the epoch's window has ended at now, in contract time.
func (e Entry) Over(now contract.Millis) bool { return now >= e.Description.End }

// Settled tells whether the contract has decided the epoch or given it up.
func (e Entry) Settled() bool { return e.Status != contract.StatusOpen }

// book holds the newest epochs. It is not safe for concurrent use.
type book struct {
	entries []Entry // ascending by epoch
	wanted  map[contract.Epoch]bool
}

func (b *book) find(id contract.Epoch) (int, bool) {
	return slices.BinarySearchFunc(b.entries, id, func(e Entry, id contract.Epoch) int { return cmp.Compare(e.Description.Epoch, id) })
}

func (b *book) byHash(hash contract.Hash) (contract.Description, bool) {
	for i := range b.entries {
		if b.entries[i].Hash == hash {
			return b.entries[i].Description, true
		}
	}
	return contract.Description{}, false
}

func (b *book) newest() (Entry, bool) {
	if len(b.entries) == 0 {
		return Entry{}, false
	}
	return b.entries[len(b.entries)-1], true
}

// add takes an epoch with its description, and tells whether it was unknown. Descriptions of one
// list of mixnodes share it.
func (b *book) add(d contract.Description, hash contract.Hash) bool {
	delete(b.wanted, d.Epoch)
	i, known := b.find(d.Epoch)
	if known {
		return false
	}
	if newest, ok := b.newest(); ok && slices.Equal(newest.Description.Mixnodes, d.Mixnodes) {
		d.Mixnodes = newest.Description.Mixnodes
	}
	b.entries = slices.Insert(b.entries, i, Entry{Description: d, Hash: hash, Status: contract.StatusOpen})
	if len(b.entries) > history { // the oldest goes, unless it is what was asked for
		oldest := 0
		if i == 0 {
			oldest = 1
		}
		b.entries = slices.Delete(b.entries, oldest, oldest+1)
	}
	return true
}

// settle takes over how an epoch ended, and tells whether that was news.
func (b *book) settle(s contract.EpochSummary) bool {
	i, known := b.find(s.ID)
	if !known || s.Status == contract.StatusOpen || b.entries[i].Settled() {
		return false
	}
	b.entries[i].Status, b.entries[i].Winner, b.entries[i].Reason = s.Status, s.Winner, s.Reason
	return true
}

// trim drops epochs that look open and are older than what is remembered: nobody asks how they
// ended.
func (b *book) trim(newest contract.Epoch) {
	b.entries = slices.DeleteFunc(b.entries, func(e Entry) bool {
		return !e.Settled() && e.Description.Epoch+history <= newest
	})
}

// want notes an epoch to fetch. Epochs that the contract has not begun come by themselves.
func (b *book) want(id contract.Epoch) bool {
	newest, ok := b.newest()
	if _, known := b.find(id); known || !ok || id == 0 || id > newest.Description.Epoch || b.wanted[id] || len(b.wanted) >= maxWanted {
		return false
	}
	if b.wanted == nil {
		b.wanted = map[contract.Epoch]bool{}
	}
	b.wanted[id] = true
	return true
}

// unsure returns the lowest epoch below newest, or newest itself, of which a list of the contract's
// epochs would tell something: how one ended that is over at now, or that there was one of which
// nothing is known. 0: there is none. Listed is the newest epoch at the last list: what that one
// left out is settled and of no interest.
func (b *book) unsure(now contract.Millis, newest, listed contract.Epoch) contract.Epoch {
	for _, e := range b.entries {
		if e.Over(now) && !e.Settled() {
			return e.Description.Epoch
		}
	}
	if newest <= 1 || newest == listed {
		return 0
	}
	i, _ := b.find(newest)
	switch {
	case i == 0:
		return 1
	case b.entries[i-1].Description.Epoch < newest-1:
		return b.entries[i-1].Description.Epoch + 1
	}
	return 0
}
