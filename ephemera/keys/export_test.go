package keys

// VerifyByTable verifies a signature with the table of its key, as for a key that signs often.
func VerifyByTable(key Public, signing []byte, signature Signature) bool {
	table := newTable(key)
	return table != nil && table.verify(key, signing, signature)
}
