package canonical

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// ErrShape reports bytes that do not have the structure of the type they should decode to.
var ErrShape = errors.New("unexpected structure")

// maxGrowth bounds what one encoded byte may occupy in memory. A list whose elements occupy more
// than maxGrowth bytes per encoded byte needs a tag that limits their count.
const maxGrowth = 16

// shape is what the encoding of a Go type may look like. Scanning bytes against it costs no
// allocation, so it happens before the decoder allocates anything: a list of n elements is then
// known to consist of n whole elements, none of them a null.
type shape struct {
	major  byte
	max    uint64   // numbers: the largest value of the type
	size   int      // byte strings: the only length, or -1 for any
	count  int      // lists: the largest number of elements
	elem   *shape   // lists
	fields []*shape // structs: one for each element of the array
	custom bool     // the type decodes itself: a number or null
	least  int      // length of the shortest encoding
}

var (
	shapes      sync.Map // reflect.Type -> *shape
	unmarshaler = reflect.TypeFor[cbor.Unmarshaler]()
)

// shapeOf returns the shape of a type that can be decoded. It panics for all others, which is a
// programming error.
func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	known, _ := shapes.LoadOrStore(t, compile(t))
	return known.(*shape)
}

func compile(t reflect.Type) *shape {
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return &shape{custom: true, least: 1}
	}
	switch t.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &shape{major: majorUnsigned, max: math.MaxUint64 >> (64 - t.Bits()), least: 1}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &shape{major: majorUnsigned, max: math.MaxInt64 >> (64 - t.Bits()), least: 1}
	case reflect.String:
		return &shape{major: majorText, size: -1, least: 1}
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return &shape{major: majorBytes, size: t.Len(), least: len(AppendBytesHead(nil, t.Len())) + t.Len()}
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &shape{major: majorBytes, size: -1, least: 1}
		}
		return compileList(t, "")
	case reflect.Struct:
		return compileStruct(t)
	}
	panic(fmt.Sprintf("canonical: type %s cannot be decoded", t))
}

// compileList returns the shape of a list. The tag is that of the field that holds it.
func compileList(t reflect.Type, tag string) *shape {
	s := &shape{major: majorArray, elem: compile(t.Elem()), count: maxElements, least: 1}
	if tag != "" {
		s.count = must(strconv.Atoi(tag))
	} else if size := int(t.Elem().Size()); size > maxGrowth*s.elem.least {
		panic(fmt.Sprintf("canonical: an element of %s occupies %d bytes for %d encoded ones (limit their number with a tag)", t, size, s.elem.least))
	}
	return s
}

func compileStruct(t reflect.Type) *shape {
	s := &shape{major: majorArray, least: len(AppendArray(nil, t.NumField()-1))}
	if t.NumField() == 0 || t.Field(0).Name != "_" || t.Field(0).Tag.Get("cbor") != ",toarray" {
		panic(fmt.Sprintf("canonical: struct %s does not begin with a blank field tagged `cbor:\",toarray\"`", t))
	}
	for i := 1; i < t.NumField(); i++ {
		field := t.Field(i)
		if !field.IsExported() || field.Anonymous {
			panic(fmt.Sprintf("canonical: field %s of %s is embedded or not exported", field.Name, t))
		}
		var of *shape
		if tag := field.Tag.Get("most"); tag != "" {
			of = compileList(field.Type, tag)
		} else {
			of = compile(field.Type)
		}
		s.fields = append(s.fields, of)
		s.least += of.least
	}
	return s
}

// check returns an error unless data is the canonical encoding of a value of the shape, with no
// number above most.
func (s *shape) check(data []byte, most uint64) error {
	rest, err := s.scan(data, most)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes after the end", ErrShape, len(rest))
	}
	return err
}

// scan checks the item that data begins with, and returns what follows it.
func (s *shape) scan(data []byte, most uint64) ([]byte, error) {
	if s.custom {
		return scanCustom(data)
	}
	major, argument, rest, err := head(data)
	if err != nil {
		return nil, err
	}
	if major != s.major {
		return nil, fmt.Errorf("%w: an item of major type %d, expected %d", ErrShape, major>>5, s.major>>5)
	}
	switch major {
	case majorUnsigned:
		if argument > min(s.max, most) {
			return nil, fmt.Errorf("%w: %d, expected at most %d", ErrDomain, argument, min(s.max, most))
		}
		return rest, nil
	case majorArray:
		return s.scanItems(rest, argument, most)
	}
	return s.scanString(rest, argument)
}

// scanItems checks the n items of an array.
func (s *shape) scanItems(data []byte, n, most uint64) (_ []byte, err error) {
	if s.elem == nil {
		if n != uint64(len(s.fields)) {
			return nil, fmt.Errorf("%w: an array of %d items, expected %d", ErrShape, n, len(s.fields))
		}
		for _, field := range s.fields {
			if data, err = field.scan(data, most); err != nil {
				return nil, err
			}
		}
		return data, nil
	}
	if n > uint64(s.count) {
		return nil, fmt.Errorf("%w: a list of %d items, expected at most %d", ErrShape, n, s.count)
	}
	for range n {
		if data, err = s.elem.scan(data, most); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// scanString checks a string of n bytes.
func (s *shape) scanString(data []byte, n uint64) ([]byte, error) {
	if n > uint64(len(data)) {
		return nil, fmt.Errorf("%w: a string of %d bytes, %d are left", ErrShape, n, len(data))
	}
	if s.size >= 0 && n != uint64(s.size) {
		return nil, fmt.Errorf("%w: a string of %d bytes, expected %d", ErrShape, n, s.size)
	}
	if s.major == majorText && !utf8.Valid(data[:n]) {
		return nil, fmt.Errorf("%w: text is not UTF-8", ErrShape)
	}
	return data[n:], nil
}

// null is the encoding of a value that is missing.
const null = 0xf6

// scanCustom checks a value whose type decodes itself, such as metrics.Uptime: a number, which that
// type limits, or null.
func scanCustom(data []byte) ([]byte, error) {
	if len(data) > 0 && data[0] == null {
		return data[1:], nil
	}
	major, _, rest, err := head(data)
	if err == nil && major != majorUnsigned {
		err = fmt.Errorf("%w: an item of major type %d, expected a number or null", ErrShape, major>>5)
	}
	return rest, err
}

// head splits the first item's head from data: its major type and its argument, which must be in
// the shortest form.
func head(data []byte) (major byte, argument uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, fmt.Errorf("%w: it is cut short", ErrShape)
	}
	major, info, rest := data[0]&0xe0, data[0]&0x1f, data[1:]
	if info < 24 {
		return major, uint64(info), rest, nil
	}
	if info > 27 {
		return 0, 0, nil, fmt.Errorf("%w: indefinite length or reserved head %#x", ErrNotCanonical, data[0])
	}
	size := 1 << (info - 24)
	if len(rest) < size {
		return 0, 0, nil, fmt.Errorf("%w: it is cut short", ErrShape)
	}
	for _, b := range rest[:size] {
		argument = argument<<8 | uint64(b)
	}
	least := uint64(24) // the smallest argument that needs size bytes
	if size > 1 {
		least = 1 << (4 * size)
	}
	if argument < least {
		return 0, 0, nil, fmt.Errorf("%w: %d in %d bytes", ErrNotCanonical, argument, size)
	}
	return major, argument, rest[size:], nil
}
