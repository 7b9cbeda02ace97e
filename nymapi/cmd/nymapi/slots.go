package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// slot is a Nym-API's folder among the folders of all replicas on one volume. A replica holds its
// slot while it runs; a replica that starts takes the first free one. So identical replicas keep
// the identities across restarts.
type slot struct {
	dir    string
	number int
	lock   io.Closer
}

// takeSlot locks the first free folder of dir/1, dir/2, ….
func takeSlot(dir string) (slot, error) {
	for number := 1; number <= membership.MaxMembers; number++ {
		path := filepath.Join(dir, strconv.Itoa(number))
		lock, err := service.Lock(path)
		if errors.Is(err, service.ErrLocked) {
			continue
		}
		if err != nil {
			return slot{}, fmt.Errorf("--home-slots: %w", err)
		}
		return slot{dir: path, number: number, lock: lock}, nil
	}
	return slot{}, fmt.Errorf("--home-slots: all %d folders of %s are in use; stop a Nym-API first", membership.MaxMembers, dir)
}
