-- +goose Up
-- How long the store was open so far, in milliseconds, over all runs of its node. Retention by age counts this time.
CREATE TABLE running (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    milliseconds INTEGER NOT NULL,
    forgotten    INTEGER NOT NULL DEFAULT -1  -- latest signed time of messages of own blocks whose IDs were forgotten
) STRICT;
INSERT INTO running (one, milliseconds) VALUES (1, 0);

-- The running time at which messages and certificate were stored. What is there already counts from now, when running time begins.
DROP INDEX bodies_whole;
ALTER TABLE bodies DROP COLUMN time;
ALTER TABLE bodies ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certificates ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
CREATE INDEX bodies_whole ON bodies (chain, height, arrived) WHERE whole = 1;
