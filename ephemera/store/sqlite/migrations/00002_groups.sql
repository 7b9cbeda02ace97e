-- +goose Up
-- Groups that the node takes part in (PROTOCOL.md R9): the canonical description, and whether the node signs nothing new in it.
CREATE TABLE groups (
    group_id    BLOB    NOT NULL PRIMARY KEY CHECK (length(group_id) = 32),
    number      INTEGER NOT NULL UNIQUE,
    closed      INTEGER NOT NULL DEFAULT 0,
    description BLOB    NOT NULL
) STRICT;
