package command

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// Token returns the token that a flag gives, such as --token, or the one in the file that
// --token-file names, which other users must not be able to read. Without either it returns "". The
// error is a UsageError.
func Token(flag, token, file string) (string, error) {
	if strings.TrimSpace(token) != token || strings.ContainsFunc(token, unicode.IsControl) {
		return "", Usage("%s has a blank or line end around it, or a control character in it; give the token alone", flag)
	}
	if file == "" {
		return token, nil
	}
	if token != "" {
		return "", Usage("%s and %s-file are both given, expected one of them", flag, flag)
	}
	token, err := files.ReadToken(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", Usage("%s-file %s does not exist, expected a file with the token alone", flag, file)
	}
	if err != nil {
		return "", Usage("%s-file: %w", flag, err)
	}
	return token, nil
}

// tokenBytes is the size of a token that CreateToken makes.
const tokenBytes = 16

// CreateToken writes a random token to a file with mode 0600, unless something has that name. The
// error is a UsageError.
func CreateToken(flag, file string) error {
	if file == "" {
		return Usage("%s-file is missing, expected the file to create", flag)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil // Token says what is wrong with it
	}
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	if err := files.Replace(file, 0o600, []byte(hex.EncodeToString(random[:])+"\n")); err != nil {
		return Usage("%s-file: create it: %w", flag, err)
	}
	return nil
}
