-- +goose Up
CREATE TABLE late ( -- late submissions that verified, one of each submitter, until the annex of their epoch is sealed
    epoch       INTEGER NOT NULL REFERENCES epoch (id),
    key         TEXT    NOT NULL, -- of the submitter
    received_ms INTEGER NOT NULL,
    submission  BLOB    NOT NULL, -- as it was received
    PRIMARY KEY (epoch, key)
) STRICT;

CREATE TABLE annex ( -- what the contract received about an epoch in addition to its winner, signed when the epoch closed
    epoch     INTEGER PRIMARY KEY REFERENCES epoch (id),
    sealed_ms INTEGER NOT NULL,
    encoded   BLOB    NOT NULL -- canonical bytes
) STRICT;
