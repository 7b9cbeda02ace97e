-- +goose Up
CREATE TABLE submitted ( -- what late submissions that verify would have paid; no row for an epoch without one
    epoch  INTEGER PRIMARY KEY REFERENCES winner (epoch),
    late   INTEGER NOT NULL, -- how many
    spread INTEGER NOT NULL, -- largest difference between what two of them or the winner's pay a mixnode, in hundredths of a percent
    ranges TEXT    NOT NULL  -- JSON: by place in the result the smallest and largest payment, where they differ; '' once the epoch has closed
) STRICT;

CREATE TABLE offence ( -- what members were caught at by what they signed; refused submissions are in the table attempt
    key     TEXT    NOT NULL,
    epoch   INTEGER NOT NULL REFERENCES epoch (id),
    offence TEXT    NOT NULL CHECK (offence IN ('two_reports', 'two_blocks')), -- signed for one epoch, or for one height
    height  INTEGER NOT NULL, -- of the two blocks in the chain of the member, else 0
    PRIMARY KEY (key, epoch, offence, height)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_invalid ON attempt (key, epoch) WHERE verdict = 'invalid';

CREATE TABLE reporter_sum ( -- of the table report over all epochs
    key      TEXT    NOT NULL PRIMARY KEY,
    epochs   INTEGER NOT NULL,
    cells    INTEGER NOT NULL, -- of the reports: values and gaps
    present  INTEGER NOT NULL,
    compared INTEGER NOT NULL,
    distance INTEGER NOT NULL,
    squared  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO reporter_sum
SELECT p.key, count(*), sum(json_array_length(r.uptimes)), sum(r.present), sum(r.compared), sum(r.distance), sum(r.squared)
FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place GROUP BY p.key;

CREATE VIEW spread AS
SELECT w.epoch, 1 + coalesce(s.late, 0) AS submissions, round(coalesce(s.spread, 0) / 100.0, 2) AS submitted_spread
FROM winner w LEFT JOIN submitted s ON s.epoch = w.epoch;

-- Only members: others may submit anything, but are nobody's Nym-API.
CREATE VIEW caught AS
SELECT m.name AS nymapi, c.offence, c.epoch, c.height, c.times
FROM (SELECT key, offence, epoch, nullif(height, 0) AS height, 1 AS times FROM offence
      UNION ALL SELECT key, 'refused_submission', epoch, NULL, count(*) FROM attempt WHERE verdict = 'invalid' GROUP BY key, epoch) c
     JOIN member m ON m.key = c.key;

DROP VIEW reporters;
CREATE VIEW reporters AS
SELECT p.epoch, coalesce(m.name, p.key) AS nymapi, r.present AS cells, json_array_length(r.uptimes) - r.present AS missing,
       round(r.distance / 100.0 / r.compared, 2) AS mean_distance,
       round((WITH RECURSIVE root (x, step) AS (SELECT 10000.0, 0 UNION ALL SELECT (x + 1.0 * r.squared / r.compared / x) / 2, step + 1 FROM root WHERE step < 40)
              SELECT min(x) FROM root) / 100.0, 2) AS rms_distance,
       r.deviation AS v,
       (SELECT count(*) FROM offence o WHERE o.key = p.key AND o.epoch = p.epoch) +
       (SELECT count(*) FROM attempt a WHERE a.key = p.key AND a.epoch = p.epoch AND a.verdict = 'invalid') AS caught
FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place LEFT JOIN member m ON m.key = p.key;

DROP VIEW reporter_totals;
CREATE VIEW reporter_totals AS
SELECT coalesce(m.name, t.key) AS nymapi, t.epochs, t.present AS cells, t.cells - t.present AS missing, round(t.distance / 100.0 / t.compared, 2) AS mean_distance,
       round((WITH RECURSIVE root (x, step) AS (SELECT 10000.0, 0 UNION ALL SELECT (x + 1.0 * t.squared / t.compared / x) / 2, step + 1 FROM root WHERE step < 40)
              SELECT min(x) FROM root) / 100.0, 2) AS rms_distance,
       (SELECT h.squared FROM history h WHERE h.reporter = t.key) AS v,
       (SELECT count(*) FROM offence o WHERE o.key = t.key) +
       (SELECT count(*) FROM attempt a WHERE a.key = t.key AND a.verdict = 'invalid') AS caught
FROM reporter_sum t LEFT JOIN member m ON m.key = t.key ORDER BY nymapi;
