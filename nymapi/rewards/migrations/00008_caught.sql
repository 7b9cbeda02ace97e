-- +goose Up
-- What members were caught at, the newest of each. It outlives the evidence, which is pruned.
CREATE TABLE caught (
    member  BLOB    NOT NULL CHECK (length(member) = 32),
    offence TEXT    NOT NULL,           -- contract.Offence
    number  INTEGER NOT NULL,           -- of the epoch, or the height of two blocks
    reason  TEXT    NOT NULL DEFAULT '', -- why a report does not count
    PRIMARY KEY (member, offence, number)
) STRICT, WITHOUT ROWID;
INSERT INTO caught (member, offence, number) SELECT member, 'two_reports', epoch FROM double_reports;
