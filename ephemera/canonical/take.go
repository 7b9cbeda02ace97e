package canonical

// Taker is a pointer type that decodes itself without reflection, for speed. TakeCanonical takes
// the items of the encoding one after the other, and fills every field. Decode has checked then
// that they have the structure and the domain of the type, and compares the result with its input
// afterwards, as for every type. A struct that embeds a Taker inherits the method, so it must
// define its own or never be decoded.
type Taker interface {
	Appender
	TakeCanonical(from *Items)
}

// Items takes single items from a checked encoding. Where it has no such item, which is a
// programming error that Decode reports, the methods return zero values.
type Items struct{ rest []byte }

func (i *Items) argument() uint64 {
	_, argument, rest, err := head(i.rest)
	if err != nil {
		i.rest = nil
		return 0
	}
	i.rest = rest
	return argument
}

// Array begins an array, and returns how many items it has.
func (i *Items) Array() int {
	if n := i.argument(); n <= uint64(len(i.rest)) {
		return int(n)
	}
	return 0
}

// Number takes an unsigned integer.
func (i *Items) Number() uint64 { return i.argument() }

// Bytes takes a byte string. It is a part of the input, not a copy.
func (i *Items) Bytes() []byte {
	n := i.argument()
	if n > uint64(len(i.rest)) {
		i.rest = nil
		return nil
	}
	taken := i.rest[:n:n]
	i.rest = i.rest[n:]
	return taken
}

// Text takes a text string.
func (i *Items) Text() string { return string(i.Bytes()) }

// Fixed takes a byte string of the length of dst.
func (i *Items) Fixed(dst []byte) { copy(dst, i.Bytes()) }
