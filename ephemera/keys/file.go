package keys

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrKeyFile reports a key file that must not be used.
var ErrKeyFile = errors.New("key file refused")

// Load reads a key file made by Create. A file that others than its owner may read is refused.
func Load(path string) (Private, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Private{}, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Private{}, fmt.Errorf("%w: %s has mode %04o, others could read it; run: chmod 600 %s", ErrKeyFile, path, mode, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Private{}, err
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return Private{}, fmt.Errorf("%w: %s does not hold %d hexadecimal digits; restore it from a backup", ErrKeyFile, path, 2*ed25519.SeedSize)
	}
	return FromSeed([ed25519.SeedSize]byte(seed)), nil
}

// Create makes a new key and writes it durably to path with mode 0600. An existing file is never
// overwritten.
func Create(path string) (Private, error) {
	key, err := Generate()
	if err != nil {
		return Private{}, err
	}
	if err := WriteFile(path, []byte(hex.EncodeToString(key.secret().Seed())+"\n")); err != nil {
		return Private{}, fmt.Errorf("write key: %w", err)
	}
	return key, nil
}

// LoadOrCreate loads the key at path, or creates it when there is no file.
func LoadOrCreate(path string) (Private, error) {
	key, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Create(path)
	}
	return key, err
}

// WriteFile writes a new private file durably: content and name are both on disk when it returns.
// It fails when path exists.
func WriteFile(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return ReplaceFile(path, data)
}

// ReplaceFile writes a private file durably and atomically: after a crash path holds either the old
// content or the new one.
func ReplaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already after a successful rename
	if _, err := file.Write(data); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Sync(); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(handle.Sync(), handle.Close())
}
