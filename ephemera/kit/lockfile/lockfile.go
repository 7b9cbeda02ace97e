// Package lockfile holds an exclusive advisory lock on a file, which ends with the process. Nodes,
// Nym-APIs and the contract use it so that no second process opens what they write.
//
// The package is unstable: it is public only because the modules of this repository share it.
package lockfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Take locks the file at path and creates it if it does not exist. Closing the file releases the
// lock. The file stays, because removing it would let two processes lock two different files. If
// this process or another holds the lock, the error wraps taken, which says what is in use and what
// to do, and names the other process if the system tells. Take does not wait: the holder keeps the
// lock until it ends.
func Take(path string, taken error) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%w (lock file %s%s)", taken, path, By(path))
		}
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
