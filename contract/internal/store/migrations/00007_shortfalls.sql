-- +goose Up
-- Most values are near 100: how far they are below it takes fewer digits than themselves.
DROP VIEW reports;
DROP VIEW reporters;
ALTER TABLE report RENAME COLUMN uptimes TO shortfalls; -- JSON array in the order of the epoch's list: hundredths of a percent below 100, null for no value
UPDATE report SET shortfalls = (
    SELECT json_group_array(CASE WHEN value IS NOT NULL THEN CAST(round((100 - value) * 100) AS INTEGER) END) FROM json_each(report.shortfalls));

CREATE VIEW reports AS
SELECT epoch, nymapi, mixnode, percent, paid, round(percent - paid, 2) AS difference
FROM (SELECT p.epoch, coalesce(m.name, p.key) AS nymapi, w.mixnode, round(100 - json_extract(r.shortfalls, '$[' || l.place || ']') / 100.0, 2) AS percent,
             round(w.value / 100.0, 2) AS paid
      FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place JOIN winner n ON n.epoch = p.epoch
      JOIN reward w ON w.epoch = p.epoch JOIN listing l ON l.list = n.list AND l.mixnode = w.mixnode LEFT JOIN member m ON m.key = p.key);

CREATE VIEW reporters AS
SELECT p.epoch, coalesce(m.name, p.key) AS nymapi, r.present AS cells, json_array_length(r.shortfalls) - r.present AS missing,
       round(r.distance / 100.0 / r.compared, 2) AS mean_distance,
       round((WITH RECURSIVE root (x, step) AS (SELECT 10000.0, 0 UNION ALL SELECT (x + 1.0 * r.squared / r.compared / x) / 2, step + 1 FROM root WHERE step < 40)
              SELECT min(x) FROM root) / 100.0, 2) AS rms_distance,
       r.deviation AS v,
       (SELECT count(*) FROM offence o WHERE o.key = p.key AND o.epoch = p.epoch) +
       (SELECT count(*) FROM attempt a WHERE a.key = p.key AND a.epoch = p.epoch AND a.verdict = 'invalid') AS caught
FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place LEFT JOIN member m ON m.key = p.key;
