-- +goose Up
-- One row: whose store this is (PROTOCOL.md R8).
CREATE TABLE identity (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    network       TEXT    NOT NULL,
    key           BLOB    NOT NULL CHECK (length(key) = 32),
    starts        INTEGER NOT NULL,
    muted_through INTEGER NOT NULL
) STRICT;

-- One row a chain: highest contiguous certified height, and highest height that the application accepted.
CREATE TABLE chains (
    chain     INTEGER PRIMARY KEY,
    group_id  BLOB    NOT NULL CHECK (length(group_id) = 32),
    creator   BLOB    NOT NULL CHECK (length(creator) = 32),
    certified INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    UNIQUE (group_id, creator)
) STRICT;

-- What this member voted for. Never pruned: a vote forgotten is a second block signed.
CREATE TABLE votes (
    chain    INTEGER NOT NULL REFERENCES chains,
    height   INTEGER NOT NULL,
    block_id BLOB    NOT NULL CHECK (length(block_id) = 32),
    PRIMARY KEY (chain, height)
) STRICT, WITHOUT ROWID;

-- Headers with their creator's signature (canonical CBOR). They stay when bodies go.
CREATE TABLE headers (
    block_id BLOB    NOT NULL PRIMARY KEY CHECK (length(block_id) = 32),
    chain    INTEGER NOT NULL REFERENCES chains,
    height   INTEGER NOT NULL,
    signed   INTEGER NOT NULL,           -- 0: the creator's signature is missing yet
    bytes    INTEGER NOT NULL,           -- encoded messages together
    header   BLOB    NOT NULL
) STRICT;

-- Signed messages (canonical CBOR), each once: many blocks hold the same ones.
CREATE TABLE messages (
    message_id BLOB NOT NULL PRIMARY KEY CHECK (length(message_id) = 32),
    message    BLOB NOT NULL
) STRICT;

-- The IDs of a block's messages in order, one behind the other.
CREATE TABLE bodies (
    block_id BLOB NOT NULL PRIMARY KEY REFERENCES headers,
    ids      BLOB NOT NULL CHECK (length(ids) % 32 = 0)
) STRICT;

CREATE TABLE certificates (
    chain       INTEGER NOT NULL REFERENCES chains,
    height      INTEGER NOT NULL,
    block_id    BLOB    NOT NULL UNIQUE REFERENCES headers,
    certificate BLOB    NOT NULL,
    PRIMARY KEY (chain, height)
) STRICT;

-- Two signed headers of one slot; of a chain the first pair is kept.
CREATE TABLE evidence (
    chain    INTEGER PRIMARY KEY REFERENCES chains,
    header_a BLOB NOT NULL,
    header_b BLOB NOT NULL
) STRICT;
