-- +goose Up
-- One row: up to where the blocks of a daemon were taken. A cursor means nothing to another daemon.
CREATE TABLE followed (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    node   BLOB    NOT NULL CHECK (length(node) = 32),
    cursor INTEGER NOT NULL
) STRICT;
