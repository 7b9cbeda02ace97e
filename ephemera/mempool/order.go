package mempool

// enqueue adds an entry at the end of the order of arrival. The order is a list through the
// entries, because all of them are visited whenever the application is asked for a block.
func (p *Mempool) enqueue(entry *Entry) {
	entry.before = p.last
	if p.last == nil {
		p.first = entry
	} else {
		p.last.after = entry
	}
	p.last = entry
}

// unlink takes an entry out of the order of arrival.
func (p *Mempool) unlink(entry *Entry) {
	if entry.before == nil {
		p.first = entry.after
	} else {
		entry.before.after = entry.after
	}
	if entry.after == nil {
		p.last = entry.before
	} else {
		entry.after.before = entry.before
	}
	entry.before, entry.after = nil, nil
}
