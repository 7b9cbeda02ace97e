-- +goose Up
CREATE TABLE batch ( -- accepted in mode performance-contract, so that a restart loses none; deleted with its names when the epoch is settled
    id    INTEGER PRIMARY KEY, -- in the order in which they were accepted
    epoch INTEGER NOT NULL REFERENCES epoch (id),
    body  BLOB    NOT NULL -- as it was received
) STRICT;

CREATE TABLE batched ( -- how many batches were accepted for an epoch
    epoch   INTEGER PRIMARY KEY REFERENCES epoch (id),
    batches INTEGER NOT NULL,
    bytes   INTEGER NOT NULL
) STRICT;
