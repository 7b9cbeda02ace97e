-- +goose Up
-- One row is one measurement of one mixnode. A measurement that failed has no row.
-- Time comes first in the key, so that recording appends, and an epoch or what has expired is one range.
CREATE TABLE sample (
    time_ms INTEGER NOT NULL, -- milliseconds since 1970-01-01T00:00:00Z
    mixnode TEXT    NOT NULL CHECK (length(mixnode) BETWEEN 1 AND 64),
    value   INTEGER NOT NULL CHECK (value BETWEEN 0 AND 100), -- percent
    PRIMARY KEY (time_ms, mixnode)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE sample;
