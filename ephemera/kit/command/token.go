package command

import (
	"errors"
	"io/fs"
	"os"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
)

// Token returns the token that a flag gives, such as --token, or the one in the file that
// --token-file names. Without either it returns "". The error is a UsageError.
func Token(flag, token, file string) (string, error) {
	if file == "" {
		return token, nil
	}
	if token != "" {
		return "", Usage("%s and %s-file are both given, expected one of them", flag, flag)
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", Usage("%s-file %s does not exist, expected a file with the token alone", flag, file)
	}
	if err != nil {
		return "", Usage("%s-file: %w", flag, err)
	}
	if token, err = plaintext.Word(data); err != nil {
		return "", Usage("%s-file %s: %w", flag, file, err)
	}
	if token == "" {
		return "", Usage("%s-file %s is empty, expected the token", flag, file)
	}
	return token, nil
}
