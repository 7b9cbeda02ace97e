-- +goose Up
CREATE TABLE record ( -- how each epoch was settled, signed by the contract; each names the one before
    epoch   INTEGER PRIMARY KEY REFERENCES epoch (id),
    hash    TEXT NOT NULL, -- which the next record names
    encoded BLOB NOT NULL  -- canonical bytes
) STRICT;
