-- +goose Up
-- How many commits held votes since this schema version. A counter outside the store repeats the number (PROTOCOL.md R8).
CREATE TABLE vote_commits (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    commits INTEGER NOT NULL
) STRICT;
INSERT INTO vote_commits (one, commits) VALUES (1, 0);
