-- +goose Up
CREATE TABLE setting ( -- of the newest start: what decides which measurements are made
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
