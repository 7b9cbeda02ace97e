-- The contract's database. Times are milliseconds since 1970 UTC (…_ms), keys and hashes are hexadecimal, uptimes are hundredths of a
-- percent (0..10000, NULL: no value). The views at the end are for people: names, RFC 3339 times, percent.

-- +goose Up
CREATE TABLE contract (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    network    TEXT    NOT NULL,
    key        TEXT    NOT NULL, -- public key that signs receipts
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE member (
    key         TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    peer_id     TEXT    NOT NULL,
    addresses   TEXT    NOT NULL, -- JSON array of multiaddrs
    counter     INTEGER NOT NULL, -- of the newest enrolment
    enrolled_ms INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member_group (
    number    INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    n         INTEGER NOT NULL,
    f         INTEGER NOT NULL, -- faulty members that it tolerates
    q         INTEGER NOT NULL, -- echoes that make a certificate
    encoded   BLOB    NOT NULL, -- canonical bytes, whose hash is the id
    closed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE epoch (
    id               INTEGER PRIMARY KEY,
    start_ms         INTEGER NOT NULL, -- the window is [start_ms, end_ms)
    end_ms           INTEGER NOT NULL,
    close_ms         INTEGER NOT NULL, -- missed if nobody has won by then
    description_hash TEXT    NOT NULL,
    description      BLOB    NOT NULL, -- canonical bytes: network, group, mixnodes, rules
    status           TEXT    NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'rewarded', 'missed')),
    reason           TEXT    NOT NULL DEFAULT '', -- why it was missed
    settled_ms       INTEGER,
    attempts_dropped INTEGER NOT NULL DEFAULT 0 -- attempts beyond the bound, which are counted only
) STRICT;

CREATE INDEX epoch_by_status ON epoch (status, id);

CREATE TABLE winner (
    epoch       INTEGER PRIMARY KEY REFERENCES epoch (id),
    key         TEXT    NOT NULL,
    block       TEXT    NOT NULL, -- ID of the certified block, '' without Ephemera
    rewards     TEXT    NOT NULL, -- hash of the rewards that the receipt signs
    accepted_ms INTEGER NOT NULL,
    submission  BLOB    NOT NULL, -- as it was received
    receipt     BLOB    NOT NULL
) STRICT;

CREATE TABLE reporter (
    epoch   INTEGER NOT NULL REFERENCES epoch (id),
    place   INTEGER NOT NULL, -- in the block, from 1
    key     TEXT    NOT NULL,
    message TEXT    NOT NULL, -- ID of the report's message
    PRIMARY KEY (epoch, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE signer (
    epoch INTEGER NOT NULL REFERENCES epoch (id),
    place INTEGER NOT NULL, -- in the certificate, from 1
    key   TEXT    NOT NULL,
    PRIMARY KEY (epoch, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE reward (
    epoch        INTEGER NOT NULL REFERENCES epoch (id),
    mixnode      TEXT    NOT NULL,
    value        INTEGER CHECK (value BETWEEN 0 AND 10000),
    reports      INTEGER NOT NULL, -- values that the reports held
    carried_from INTEGER, -- epoch that an old value was measured in, NULL for a new one
    PRIMARY KEY (epoch, mixnode)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    epoch      INTEGER NOT NULL REFERENCES epoch (id),
    key        TEXT    NOT NULL, -- of the submitter
    at_ms      INTEGER NOT NULL,
    verdict    TEXT    NOT NULL CHECK (verdict IN ('accepted', 'late', 'invalid')),
    type       TEXT    NOT NULL, -- of the problem that was the answer, '' if accepted
    reason     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    digest     TEXT    NOT NULL, -- SHA-256 of the submission
    submission BLOB -- of invalid ones, which their submitter signed
) STRICT;

CREATE INDEX attempt_by_epoch ON attempt (epoch, key);

CREATE VIEW members AS
SELECT name, peer_id, addresses,
       strftime('%Y-%m-%dT%H:%M:%fZ', enrolled_ms / 1000.0, 'unixepoch') AS enrolled, key
FROM member ORDER BY name;

CREATE VIEW epochs AS
SELECT e.id AS epoch, e.status,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.start_ms / 1000.0, 'unixepoch') AS start,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.end_ms / 1000.0, 'unixepoch') AS "end",
       coalesce(m.name, w.key, '') AS winner, e.reason,
       (SELECT count(*) FROM attempt a WHERE a.epoch = e.id) AS attempts
FROM epoch e LEFT JOIN winner w ON w.epoch = e.id LEFT JOIN member m ON m.key = w.key ORDER BY e.id;

CREATE VIEW winners AS
SELECT w.epoch, coalesce(m.name, w.key) AS winner,
       strftime('%Y-%m-%dT%H:%M:%fZ', w.accepted_ms / 1000.0, 'unixepoch') AS accepted,
       w.accepted_ms - e.end_ms AS after_end_ms,
       (SELECT count(*) FROM reporter r WHERE r.epoch = w.epoch) AS reporters,
       (SELECT count(*) FROM signer s WHERE s.epoch = w.epoch) AS signers,
       length(w.submission) AS bytes, w.block
FROM winner w JOIN epoch e ON e.id = w.epoch LEFT JOIN member m ON m.key = w.key ORDER BY w.epoch;

CREATE VIEW rewards AS
SELECT epoch, mixnode, round(value / 100.0, 2) AS percent, reports, carried_from FROM reward ORDER BY epoch, mixnode;

CREATE VIEW attempts AS
SELECT a.epoch, coalesce(m.name, a.key) AS submitter,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.at_ms / 1000.0, 'unixepoch') AS at,
       a.verdict, a.reason, a.bytes
FROM attempt a LEFT JOIN member m ON m.key = a.key ORDER BY a.id;
