package server

import (
	"encoding/json"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

// frames encodes blocks for subscribers, one at a time, and keeps the newest that it has encoded:
// most subscribers want the same. It is safe for concurrent use.
type frames struct {
	most int64 // bytes that are kept

	mu    sync.Mutex
	kept  map[api.Cursor][]byte
	order []api.Cursor // of kept, the oldest first
	bytes int64
}

func newFrames(most int64) *frames {
	return &frames{most: most, kept: make(map[api.Cursor][]byte)}
}

// block returns the frame of a block. Its bytes must not be changed.
func (f *frames) block(entry api.Entry) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.kept[entry.Cursor]; known != nil {
		return known, nil
	}
	encoded, err := json.Marshal(api.Frame{Type: api.FrameBlock, Entry: &entry, Cursor: entry.Cursor})
	if err != nil || int64(len(encoded)) > f.most {
		return encoded, err
	}
	f.kept[entry.Cursor], f.order = encoded, append(f.order, entry.Cursor)
	for f.bytes += int64(len(encoded)); f.bytes > f.most; f.order = f.order[1:] {
		f.bytes -= int64(len(f.kept[f.order[0]]))
		delete(f.kept, f.order[0])
	}
	return encoded, nil
}
