-- +goose Up
CREATE TABLE record ( -- how each epoch was settled, signed by the contract; each names the one before
    epoch   INTEGER PRIMARY KEY REFERENCES epoch (id),
    hash    TEXT NOT NULL, -- which the next record names
    encoded BLOB NOT NULL  -- canonical bytes
) STRICT;

CREATE TABLE history ( -- how far the values of reporters were from those of others, after the newest settled epoch
    reporter TEXT    NOT NULL PRIMARY KEY,
    squared  INTEGER NOT NULL -- running mean of squared distances from the median, in squared hundredths of a percent
) STRICT, WITHOUT ROWID;

CREATE TABLE listing ( -- the lists of mixnodes of rewarded epochs: epochs with the same mixnodes share a list
    list    INTEGER NOT NULL,
    mixnode TEXT    NOT NULL,
    place   INTEGER NOT NULL, -- in the list, from 0
    PRIMARY KEY (list, mixnode)
) STRICT, WITHOUT ROWID;
ALTER TABLE winner ADD COLUMN list INTEGER NOT NULL DEFAULT 0; -- of the epoch's mixnodes in the table listing, 0 without reports

CREATE TABLE report ( -- a row of the matrix of a rewarded epoch: what a reporter in its winner's block signed
    id        INTEGER PRIMARY KEY, -- 1000 * epoch + place, as in the table reporter: an index would take more space
    uptimes   TEXT    NOT NULL, -- JSON array in the order of the epoch's list: percent, null for no value
    present   INTEGER NOT NULL, -- values that are not null
    compared  INTEGER NOT NULL, -- those of mixnodes that got a new uptime
    distance  INTEGER NOT NULL, -- sum of their distances from the uptimes, in hundredths of a percent
    squared   INTEGER NOT NULL, -- sum of the squares of these distances
    deviation INTEGER NOT NULL -- of the reporter in the history after the epoch
) STRICT;

CREATE VIEW reports AS
SELECT epoch, nymapi, mixnode, percent, paid, round(percent - paid, 2) AS difference
FROM (SELECT p.epoch, coalesce(m.name, p.key) AS nymapi, w.mixnode, json_extract(r.uptimes, '$[' || l.place || ']') AS percent,
             round(w.value / 100.0, 2) AS paid
      FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place JOIN winner n ON n.epoch = p.epoch
      JOIN reward w ON w.epoch = p.epoch JOIN listing l ON l.list = n.list AND l.mixnode = w.mixnode LEFT JOIN member m ON m.key = p.key);

-- Square roots are taken by Newton's method, because not every SQLite has sqrt.
CREATE VIEW reporters AS
SELECT p.epoch, coalesce(m.name, p.key) AS nymapi, r.present AS cells, json_array_length(r.uptimes) - r.present AS missing,
       round(r.distance / 100.0 / r.compared, 2) AS mean_distance,
       round((WITH RECURSIVE root (x, step) AS (SELECT 10000.0, 0 UNION ALL SELECT (x + 1.0 * r.squared / r.compared / x) / 2, step + 1 FROM root WHERE step < 40)
              SELECT min(x) FROM root) / 100.0, 2) AS rms_distance,
       r.deviation AS v
FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place LEFT JOIN member m ON m.key = p.key;

CREATE VIEW reporter_totals AS
SELECT nymapi, epochs, cells, missing, round(distance / 100.0 / compared, 2) AS mean_distance,
       round((WITH RECURSIVE root (x, step) AS (SELECT 10000.0, 0 UNION ALL SELECT (x + 1.0 * squared / compared / x) / 2, step + 1 FROM root WHERE step < 40)
              SELECT min(x) FROM root) / 100.0, 2) AS rms_distance, v
FROM (SELECT coalesce(m.name, p.key) AS nymapi, count(*) AS epochs, sum(r.present) AS cells, sum(json_array_length(r.uptimes) - r.present) AS missing,
             sum(r.distance) AS distance, sum(r.compared) AS compared, sum(r.squared) AS squared,
             (SELECT h.squared FROM history h WHERE h.reporter = p.key) AS v
      FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place LEFT JOIN member m ON m.key = p.key GROUP BY p.key)
ORDER BY nymapi;

CREATE VIEW coverage AS
SELECT epoch, count(*) AS cells, sum(value IS NOT NULL AND carried_from IS NULL) AS fresh, sum(carried_from IS NOT NULL) AS carried,
       sum(value IS NULL) AS unpaid
FROM reward GROUP BY epoch;
