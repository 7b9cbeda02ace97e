-- +goose Up
-- Certified blocks count in the order in which they came. The row of a block is never removed, so no sequence is used again.
CREATE TABLE certificates_counted (
    sequence    INTEGER PRIMARY KEY,
    chain       INTEGER NOT NULL REFERENCES chains,
    height      INTEGER NOT NULL,
    block_id    BLOB    NOT NULL UNIQUE REFERENCES headers,
    certificate BLOB    NOT NULL,
    UNIQUE (chain, height)
) STRICT;
INSERT INTO certificates_counted (sequence, chain, height, block_id, certificate)
    SELECT rowid, chain, height, block_id, certificate FROM certificates ORDER BY rowid;
DROP TABLE certificates;
ALTER TABLE certificates_counted RENAME TO certificates;
CREATE INDEX certificates_of_chain ON certificates (chain, sequence);

ALTER TABLE headers DROP COLUMN bytes;

-- Migration 4 (fill.go) moves the rows of the two tables that are put aside here: it has to decode them.
ALTER TABLE bodies RENAME TO bodies_before;
ALTER TABLE messages RENAME TO messages_before;

-- Signed messages (canonical CBOR), each once: many blocks hold the same ones.
CREATE TABLE messages (
    number  INTEGER PRIMARY KEY,
    message BLOB NOT NULL
) STRICT;

-- Where a message is, and how many whole bodies have it; it goes with the last of them.
CREATE TABLE message_ids (
    message_id BLOB    NOT NULL PRIMARY KEY CHECK (length(message_id) = 32),
    number     INTEGER NOT NULL,
    bodies     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A block's messages in order, each as ID, sender and signed time (32 + 32 + 8 bytes), one behind the other. Blocks without messages
-- have no row. Retention takes the messages away (whole = 0), and some time later the row.
CREATE TABLE bodies (
    body     INTEGER PRIMARY KEY,
    block_id BLOB    NOT NULL UNIQUE REFERENCES headers,
    chain    INTEGER NOT NULL REFERENCES chains,
    height   INTEGER NOT NULL,
    time     INTEGER NOT NULL,           -- of the header, milliseconds since 1970
    newest   INTEGER NOT NULL,           -- signed time among the messages
    bytes    INTEGER NOT NULL,           -- encoded messages together
    whole    INTEGER NOT NULL,
    leaves   BLOB    NOT NULL CHECK (length(leaves) > 0 AND length(leaves) % 72 = 0)
) STRICT;
CREATE INDEX bodies_whole ON bodies (chain, height, time) WHERE whole = 1;
CREATE INDEX bodies_whole_newest ON bodies (newest) WHERE whole = 1;
CREATE INDEX bodies_removed_newest ON bodies (newest) WHERE whole = 0;
