-- +goose Up
-- One row: the contract that this Nym-API belongs to, and what it must not forget about it.
CREATE TABLE contract (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    network    TEXT    NOT NULL,
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    enrolments INTEGER NOT NULL DEFAULT 0, -- the counter of the last one
    peer_info  TEXT                        -- JSON, once the group is complete
) STRICT;

-- What the contract fixed about epochs (canonical CBOR).
CREATE TABLE descriptions (
    epoch       INTEGER PRIMARY KEY,
    description BLOB    NOT NULL
) STRICT;

-- The one signed report of an epoch. It is here before anybody sees it, and is never signed again.
CREATE TABLE reports (
    epoch     INTEGER PRIMARY KEY,
    message   BLOB    NOT NULL,
    signed_ms INTEGER NOT NULL
) STRICT;

-- Own certified blocks, each delivered once.
CREATE TABLE own_blocks (
    group_id BLOB    NOT NULL CHECK (length(group_id) = 32),
    height   INTEGER NOT NULL,
    block_id BLOB    NOT NULL CHECK (length(block_id) = 32),
    epoch    INTEGER NOT NULL,
    PRIMARY KEY (group_id, height)
) STRICT, WITHOUT ROWID;
CREATE INDEX own_blocks_by_epoch ON own_blocks (epoch);

-- What this Nym-API submits for an epoch, and what became of it.
CREATE TABLE submissions (
    epoch      INTEGER PRIMARY KEY,
    body       BLOB    NOT NULL,           -- canonical CBOR, resent as it is
    block_id   BLOB,                       -- null without Ephemera
    made_ms    INTEGER NOT NULL,           -- contract time
    outcome    TEXT    NOT NULL DEFAULT 'pending' CHECK (outcome IN ('pending', 'accepted', 'late', 'refused', 'closed')),
    reason     TEXT    NOT NULL DEFAULT '',
    receipt    BLOB,                       -- canonical CBOR, of an accepted one
    settled_ms INTEGER
) STRICT;
CREATE INDEX submissions_pending ON submissions (epoch) WHERE outcome = 'pending';

-- Who won, and the winner's block with its certificate once both are known.
CREATE TABLE winners (
    epoch       INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    key         BLOB    NOT NULL,
    block_id    BLOB    NOT NULL,
    accepted_ms INTEGER NOT NULL,
    block       BLOB,
    certificate BLOB
) STRICT;

-- Two different reports that one member signed for one epoch: evidence, the first pair is kept.
CREATE TABLE double_reports (
    epoch  INTEGER NOT NULL,
    member BLOB    NOT NULL CHECK (length(member) = 32),
    first  BLOB    NOT NULL,
    second BLOB    NOT NULL,
    PRIMARY KEY (epoch, member)
) STRICT, WITHOUT ROWID;
