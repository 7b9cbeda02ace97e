package sqlite

import (
	"errors"
	"hash/crc32"
)

// SQLite has no checksums of its own. A hash finds changed messages and headers (store.CheckBody),
// but covers no signature, and a block with a broken signature gets the node that sends it
// punished.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum returns what is stored in the column crc next to a blob.
func checksum(blob []byte) int64 { return int64(crc32.Checksum(blob, castagnoli)) }

// errChecksum reports a blob that is not what was written.
var errChecksum = errors.New("its checksum is wrong")

// checkSum compares a blob with its checksum, which is nil in rows that older programs wrote.
func checkSum(blob []byte, sum *int64) error {
	if sum != nil && *sum != checksum(blob) {
		return errChecksum
	}
	return nil
}
