package keys

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
)

// ErrKeyFile reports a key file with unsafe permissions or malformed content.
var ErrKeyFile = errors.New("unusable key file")

// Load reads a key file that Create wrote. If other users may access the file, or if it does not
// hold a key, the error wraps ErrKeyFile; if it does not exist, fs.ErrNotExist.
func Load(path string) (Private, error) {
	data, err := files.ReadSecret(path)
	if errors.Is(err, files.ErrExposed) {
		return Private{}, fmt.Errorf("load key: %w: %w", ErrKeyFile, err)
	}
	if err != nil {
		return Private{}, fmt.Errorf("load key: %w", err)
	}
	text, err := plaintext.Word(data)
	if err != nil {
		return Private{}, fmt.Errorf("load key: %w: %s: %w", ErrKeyFile, path, err)
	}
	seed, err := hex.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return Private{}, fmt.Errorf("load key: %w: %s does not hold %d hexadecimal digits (restore the file, or create a new key)", ErrKeyFile, path, 2*ed25519.SeedSize)
	}
	return FromSeed([ed25519.SeedSize]byte(seed)), nil
}

// Create generates a key and writes it durably to path with mode 0600. It never overwrites a file:
// if path exists, the error wraps fs.ErrExist.
func Create(path string) (Private, error) {
	key, err := Generate()
	if err != nil {
		return Private{}, err
	}
	if err := WriteFile(path, []byte(hex.EncodeToString(key.secret().Seed())+"\n")); err != nil {
		return Private{}, fmt.Errorf("create key: %w", err)
	}
	return key, nil
}

// LoadOrCreate loads the key at path, and creates it if the file does not exist.
func LoadOrCreate(path string) (Private, error) {
	key, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Create(path)
	}
	return key, err
}

// WriteFile writes a new file durably, with mode 0600: its content and its directory entry are on
// disk when WriteFile returns. If path exists, the error wraps fs.ErrExist.
func WriteFile(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("write %s: %w", path, fs.ErrExist)
	}
	return ReplaceFile(path, data)
}

// ReplaceFile writes a file durably and atomically, with mode 0600: after a crash, path holds
// either the old content or the new content. The error wraps files.ErrNotRegular if path is
// anything but a regular file.
func ReplaceFile(path string, data []byte) error { return files.Replace(path, 0o600, data) }
