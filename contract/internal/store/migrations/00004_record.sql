-- +goose Up
CREATE TABLE record ( -- how each epoch was settled, signed by the contract; each names the one before
    epoch   INTEGER PRIMARY KEY REFERENCES epoch (id),
    hash    TEXT NOT NULL, -- which the next record names
    encoded BLOB NOT NULL  -- canonical bytes
) STRICT;

CREATE TABLE history ( -- how far the values of reporters were from those of others, after the newest settled epoch
    reporter TEXT    NOT NULL PRIMARY KEY,
    squared  INTEGER NOT NULL -- running mean of squared distances from the median, in squared hundredths of a percent
) STRICT, WITHOUT ROWID;
