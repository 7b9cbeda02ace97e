// Package rocksdb implements store.Store in a RocksDB database, for operators who already run
// RocksDB. The layout of the keys is in store/internal/lsm.
//
// A lock file next to the folder keeps a second node out. Copy the folder only while no node uses
// it, and never restore a member from a copy: it would lack the votes signed since (PROTOCOL.md
// R8).
//
// The package needs RocksDB's C++ library and cannot be linked into a static binary, so it is built
// only with the tag rocksdb:
//
//	export CGO_LDFLAGS="-lrocksdb -lstdc++ -lm -lz -lsnappy -llz4 -lzstd -lbz2"
//	go build -tags rocksdb,grocksdb_clean_link
//
// It is tested with the library of Debian 12 (librocksdb-dev 7.8.3).
//
// The package is unstable: it follows the C API of the installed library.
package rocksdb
