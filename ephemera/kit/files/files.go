// Package files writes files durably, and replaces nothing that is not a regular file: a device, a
// pipe, a folder or a symbolic link stays what it is. It reads regular files up to a bound.
//
// The package is unstable: it is public only because the modules of this repository share it.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotRegular reports something that is not replaced or read.
var ErrNotRegular = errors.New("not a regular file")

// CheckReplaceable returns an error that wraps ErrNotRegular if path exists and is not a regular
// file. Check early what is written at the end of a long task.
func CheckReplaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s: %w but a symbolic link (name the file that it points to)", path, ErrNotRegular)
	}
	return fmt.Errorf("%s: %w (choose another name)", path, ErrNotRegular)
}

// Read returns the content of a regular file of at most limit bytes, or of one that a symbolic link
// points to. Something else is an error that wraps ErrNotRegular: a pipe might never end.
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w (give a file)", path, ErrNotRegular)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%s: more than %d bytes, which is too long for such a file", path, limit)
	}
	return data, nil
}

// Replace writes a file durably and atomically: after a crash, path holds either the old content or
// the new content.
func Replace(path string, mode fs.FileMode, data []byte) error {
	if err := CheckReplaceable(path); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails after a successful rename, which is fine
	_, err = file.Write(data)
	if err == nil && mode != 0o600 {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return Rename(file.Name(), path)
}

// Rename gives a file, whose content is on disk already, the name path in the same folder, and
// makes that durable.
func Rename(file, path string) error {
	if err := CheckReplaceable(path); err != nil {
		return err
	}
	if err := os.Rename(file, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
