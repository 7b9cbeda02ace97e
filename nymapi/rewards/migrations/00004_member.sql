-- +goose Up
-- Whose reports and submissions these are. Null in the database of an older program, until its next start.
ALTER TABLE contract ADD COLUMN member BLOB CHECK (length(member) = 32);
