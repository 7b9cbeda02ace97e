// Package plaintext reads small files that people write with an editor: settings, lists of members,
// keys, tokens. Some editors put a byte order mark at the beginning or save text as UTF-16.
//
// The package is unstable: it is public only because the modules of this repository share it.
package plaintext

import (
	"bytes"
	"errors"
)

// errEncoding reports text that is not UTF-8.
var errEncoding = errors.New("the text is UTF-16, expected UTF-8 (save it as UTF-8)")

// Decode returns the text of a file without one byte order mark of UTF-8. The result shares the
// memory of data.
func Decode(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errEncoding
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

// Word returns the text of a file that holds one word, without what [Decode] removes, and without
// blanks and line ends around it.
func Word(data []byte) (string, error) {
	text, err := Decode(data)
	return string(bytes.TrimSpace(text)), err
}
