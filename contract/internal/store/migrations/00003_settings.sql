-- +goose Up
CREATE TABLE setting ( -- of the newest start that they took effect in, as far as nothing else in the database shows them
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
