package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
)

// ErrExposed reports a secret that other users may read.
var ErrExposed = errors.New("other users may read it")

// maxSecret bounds the size of a secret.
const maxSecret = 64 << 10

// ReadSecret reads a file that holds a secret of at most 64 KiB. The error wraps ErrExposed if the
// file's mode gives anyone but its owner access, and says how to change that.
func ReadSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat() // of the file that is read, whatever path names meanwhile
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, expected a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: %w (run: chmod 600 %s)", path, mode, ErrExposed, path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err == nil && len(data) > maxSecret {
		err = fmt.Errorf("%s has more than %d bytes, expected a secret", path, maxSecret)
	}
	return data, err
}

// ReadToken reads a token, the only line of a file, with ReadSecret. White space around it and a
// byte order mark are not part of it.
func ReadToken(path string) (string, error) {
	data, err := ReadSecret(path)
	if err != nil {
		return "", err
	}
	token, err := plaintext.Word(data)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", path, err)
	case token == "":
		return "", fmt.Errorf("%s is empty, expected the token", path)
	case strings.ContainsFunc(token, unicode.IsControl):
		return "", fmt.Errorf("%s has more than one line, expected the token alone", path)
	}
	return token, nil
}
