// Package lockfile keeps a second node out of a store: an exclusive lock on a file beside it, which ends with the process.
package lockfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Take locks the file at path and makes it where there is none. Closing it gives the lock back; the file stays, because removing it
// would let two nodes lock two files. store.ErrLocked when this process or another has it.
func Take(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%w: %s is locked; stop the other node first", store.ErrLocked, path)
		}
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
