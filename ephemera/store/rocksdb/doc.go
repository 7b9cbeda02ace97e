// Package rocksdb is a store.Store in a RocksDB database, for those who run RocksDB already. The
// layout and all that a store promises are in store/lsm; a lock file keeps a second node out, and
// copies are as dangerous as of every store (PROTOCOL.md R8).
//
// It needs RocksDB's C++ library and cannot be linked into a static binary, so it is built with the
// tag rocksdb alone:
//
//	CGO_LDFLAGS="-lrocksdb -lstdc++ -lm -lz -lsnappy -llz4 -lzstd -lbz2" go build -tags rocksdb,grocksdb_clean_link
//
// The library of Debian 12 (librocksdb-dev 7.8.3) is the one that it is tested with.
package rocksdb
