// Package jsontext checks that the strings of a JSON document are text. Package encoding/json
// replaces what is not with U+FFFD and reports nothing, so that two different documents decode to
// the same value.
//
// The package is unstable: it is public only because the modules of this repository share it.
package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errNotText reports invalid UTF-8, or half of a surrogate pair.
var errNotText = errors.New("not valid Unicode text")

// Check returns an error unless data is valid UTF-8 and every escaped
// surrogate in it is half of a pair. It does not check the syntax of JSON.
func Check(data []byte) error {
	if at := invalid(data); at >= 0 {
		return fmt.Errorf("%w: byte %d (0x%02x) is not UTF-8", errNotText, at, data[at])
	}
	for at := 0; ; {
		next := bytes.IndexByte(data[at:], '\\')
		if next < 0 {
			return nil
		}
		at += next
		unit, size := escaped(data[at:])
		if utf16.IsSurrogate(unit) {
			second, more := escaped(data[at+size:])
			if utf16.DecodeRune(unit, second) == utf8.RuneError {
				return fmt.Errorf("%w: byte %d: %s is half of a surrogate pair", errNotText, at, data[at:at+size])
			}
			size += more
		}
		at += size
	}
}

// Unmarshal is json.Unmarshal for documents that pass Check.
func Unmarshal(data []byte, into any) error {
	if err := Check(data); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// invalid returns the place of the first byte that is not UTF-8, or -1.
func invalid(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
}

// escaped returns the UTF-16 code unit of an escape \uXXXX at the beginning of data, and its size.
// The unit of anything else is 0; the size of another escape is 2.
func escaped(data []byte) (unit rune, size int) {
	if len(data) < 2 || data[0] != '\\' {
		return 0, min(len(data), 2)
	}
	if data[1] != 'u' || len(data) < 6 {
		return 0, 2
	}
	value, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return 0, 2
	}
	return rune(value), 6
}
