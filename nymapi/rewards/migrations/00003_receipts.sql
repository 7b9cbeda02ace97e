-- +goose Up
-- The receipts that the contract signed, one for each epoch. A second, different one for the same epoch
-- proves that it signed twice.
CREATE TABLE receipts (
    epoch     INTEGER PRIMARY KEY,
    first     BLOB    NOT NULL,           -- canonical CBOR
    second    BLOB,                       -- canonical CBOR, the first that contradicts it
    withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)) -- the contract said later that there is none
) STRICT;
INSERT INTO receipts (epoch, first) SELECT epoch, receipt FROM submissions WHERE receipt IS NOT NULL;
