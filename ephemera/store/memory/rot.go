package memory

import (
	"bytes"
	"maps"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Rot replaces bytes of the encoded blocks and certificates on the disk by others, of the same
// length, as a failing disk may do. It returns how many blocks and certificates it changed.
func (d *Disk) Rot(old, replacement []byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := 0
	for _, id := range slices.Collect(maps.Keys(d.data.blocks)) {
		before := d.data.blocks[id].Encode()
		after := bytes.ReplaceAll(before, old, replacement)
		if bytes.Equal(before, after) {
			continue
		}
		changed++
		b, err := block.Decode(after, membership.MaxLimits())
		if err != nil {
			d.data.broken[id] = err
			continue
		}
		d.data.blocks[id] = b
	}
	for _, id := range slices.Collect(maps.Keys(d.data.certificates)) {
		before := d.data.certificates[id].Encode()
		after := bytes.ReplaceAll(before, old, replacement)
		if bytes.Equal(before, after) {
			continue
		}
		changed++
		// A certificate beyond decoding becomes an empty one, which is for no block.
		c, _ := certificate.Decode(after, membership.MaxMembers)
		d.data.certificates[id] = c
	}
	return changed
}
